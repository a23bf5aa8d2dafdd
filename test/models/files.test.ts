/** Folders are written whole or not at all. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeFolder } from "../../src/models/files.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it("a folder appears with all its files, and its missing parents", () => {
  const folder = join(temporaryFolder(), "a", "b");
  writeFolder(folder, new Map([["one", [bytes("1"), bytes("2")]], ["two", []]])); // biome-ignore format: one line
  expect(readdirSync(join(folder, ".."))).toEqual(["b"]);
  expect(readdirSync(folder).sort()).toEqual(["one", "two"]);
  expect(readFileSync(join(folder, "one"), "utf8")).toBe("12");
});

it("a failure while a file is written leaves nothing behind", () => {
  const parent = temporaryFolder();
  const failing = (function* () {
    yield bytes("begun");
    throw new Error("no space");
  })();
  const files = new Map<string, Iterable<Uint8Array>>([
    ["whole", [bytes("1")]],
    ["half", failing],
  ]);
  expect(() => writeFolder(join(parent, "model"), files)).toThrow("no space");
  expect(readdirSync(parent)).toEqual([]);
});

it("a folder that appears meanwhile is left as it is", () => {
  const folder = join(temporaryFolder(), "model");
  const racing = (function* () {
    writeFolder(folder, new Map([["first", [bytes("1")]]]));
    yield bytes("2");
  })();
  expect(() => writeFolder(folder, new Map([["second", racing]]))).toThrow(/exists; save the model into a folder/);
  expect(readdirSync(folder)).toEqual(["first"]);
  expect(readdirSync(join(folder, ".."))).toEqual(["model"]);
});
