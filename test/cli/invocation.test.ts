/** Commands in messages work where the program was started. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { commandLine, fromHere, shellWord } from "../../src/cli/invocation.ts";

const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const root = "/home/ada/siglip-ts";
/** The file that the scripts of package.json start. */
const source = `${root}/${/node (\S+)$/.exec(scripts.siglip)?.[1]}`;

it.each([
  ["a script of npm in a clone", { program: source, folder: root, script: "siglip" }, "npm run -s siglip -- train"],
  ["npm start in a clone", { program: source, folder: root, script: "start" }, "npm run -s siglip -- train"],
  ["the source in a clone", { program: source, folder: root, script: undefined }, "npm run -s siglip -- train"],
  ["the source from elsewhere", { program: source, folder: "/tmp", script: undefined }, `node ${source} train`],
  [
    "main.ts in a clone",
    { program: `${root}/src/cli/main.ts`, folder: root, script: undefined },
    "npm run -s siglip -- train",
  ],
  ["an installed command", { program: "/usr/bin/siglip", folder: "/tmp", script: undefined }, "siglip train"],
  [
    "a dependency's command",
    { program: "/tmp/node_modules/.bin/siglip", folder: "/tmp", script: "train" },
    "npx siglip train",
  ],
  ["npx", { program: "/tmp/node_modules/.bin/siglip", folder: "/tmp", script: "npx" }, "npx siglip train"],
  [
    "a built file",
    { program: `${root}/dist/cli/main.js`, folder: root, script: undefined },
    "node dist/cli/main.js train",
  ],
])("started as %s", (_, started, says) => {
  expect(commandLine(["train"], { ...started, root: `${root}/` })).toBe(says);
});

it.each([
  ["/home/ada/pictures", "pictures"],
  ["/home/ada", "."],
  ["/home/eve/pictures", "/home/eve/pictures"],
])("%s is typed in /home/ada as %s", (path, typed) => {
  expect(fromHere(path, "/home/ada")).toBe(typed);
});

it.each([
  ["runs/first", "runs/first"],
  ["my runs/1", "'my runs/1'"],
  ["it's", "'it'\\''s'"],
  ["a;b", "'a;b'"],
])("a shell reads %j back", (text, word) => {
  expect(shellWord(text)).toBe(word);
});
