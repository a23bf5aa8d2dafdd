/** Errors go to stderr with a documented exit code, and write nothing to stdout. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exitCodes.ts";
import { type Finished, siglip } from "../support/cli.ts";

/** Arguments before the options of a command: well formed, but naming nothing. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  train: ["--preset", "shapes"],
  config: ["no-such-preset"],
  report: ["no-such-run"],
  eval: ["no-such-run"],
  embed: ["no-such-run", "--out", "no-such-file.safetensors"],
  classify: ["no-such-run", "no-such-picture.png", "word"],
  search: ["no-such-run", "word"],
  loss: [],
  runs: ["no-such-folder"],
  data: ["no-such-set"],
  info: [],
  convert: ["no-such-model", "no-such-folder", "--to", "hf"],
  index: ["no-such-folder", "--model", "no-such-model"],
  blend: ["no-such-run", "no-such-run", "no-such-folder"],
};
/** Invalid values for free-text options; "?" is invalid for all others. */
const WRONG: Readonly<Record<string, string>> = {
  "--out": "package.json/run",
  "--gradients": "no-such-folder/file",
  "--inputs": "no-such-file",
};

const helpOf = async (args: readonly string[]): Promise<string> => (await siglip([...args, "--help"])).stdout;
const commands = [...(await helpOf([])).matchAll(/^ {2}([a-z]+) /gm)]
  .map(([, name]) => name)
  .filter((name) => name !== "help");

async function expectRefused(args: readonly string[]): Promise<Finished> {
  const finished = await siglip(args);
  const what = `siglip ${args.join(" ")}: ${JSON.stringify(finished)}`;
  expect(finished.code, what).not.toBe(EXIT.done);
  expect(Object.values(EXIT), what).toContain(finished.code);
  expect(finished.code, what).not.toBe(EXIT.internal);
  expect(finished.stderr, what).toMatch(/^(siglip|error): .*\S/m);
  expect(finished.stderr, what).not.toMatch(/^ +at .*:\d+:\d+/m); // no stack
  expect(finished.stdout, what).toBe("");
  return finished;
}

it("the list of commands is complete", () => {
  expect(commands.length).toBeGreaterThanOrEqual(6);
  for (const name of commands) expect(ARGUMENTS, `say in ARGUMENTS how ${name} is called`).toHaveProperty(name);
});

describe.each(commands)("%s", { timeout: 120_000 }, (command) => {
  it("refuses an unknown option, and a wrong value of every option that takes one, in words", async () => {
    const help = await helpOf([command]);
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+) <[^>]+>/gm)].map(([, name]) => name);
    // train has it for --dry-run alone, which takes some options without looking at them.
    const json = help.includes("--json") && command !== "train" ? ["--json"] : [];
    const given = [...ARGUMENTS[command], ...json];
    await expectRefused([command, ...given, "--no-such-option"]);
    for (const option of options) await expectRefused([command, ...given, option, WRONG[option] ?? "?"]);
    if (ARGUMENTS[command].length > 0 && command !== "train") await expectRefused([command, ...given]);
  });
});

it("unknown commands and missing arguments are refused in words", { timeout: 60_000 }, async () => {
  await expectRefused(["no-such-command"]);
  await expectRefused(["search"]);
  for (const top of ["0", "x", "1.5"]) {
    const { code, stderr } = await expectRefused(["search", "no-such-run", "word", "picture.png", "--top", top]);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`--top ${top} is not an integer of at least 1`));
  }
});

it("a wrong option is answered by the command that lists the right ones, and one named like a key by --set", {
  timeout: 60_000,
}, async () => {
  const { stderr } = await expectRefused(["index", "no-such-folder"]);
  expect(stderr).toMatch(/ index --help lists the options\)$/m);
  const key = await expectRefused(["train", "--steps", "300"]);
  expect(key.stderr).toMatch(/^--set train\.steps=<value> sets this key of the configuration$/m);
  expect((await expectRefused(["train", "--no-such-option"])).stderr).not.toMatch(/sets this key/);
  const preset = await expectRefused(["train", "shapes"]);
  expect(preset.stderr).toMatch(/^name the preset with --preset shapes$/m);
  expect((await expectRefused(["train", "dogs"])).stderr).not.toMatch(/--preset/);
});

it("help says of the preset that nobody names what it is", async () => {
  for (const command of ["train", "config"]) {
    expect((await helpOf([command])).replace(/\s+/g, " ")).toContain("shapes, files (that of --data), icons");
  }
});

/** `siglip ...args` with standard output to a full disk, or into a closed pipe. */
function intoShell(args: string, redirect: string): Promise<{ code: unknown; stderr: string }> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const loader = process.features.typescript ? "" : "--import tsx";
  const command = `set -o pipefail; "${process.execPath}" ${loader} "${join(root, "src/cli/main.ts")}" ${args} ${redirect}`;
  return new Promise((resolve) => {
    execFile("bash", ["-c", command], { cwd: root }, (error, _, stderr) => resolve({ code: error?.code ?? 0, stderr }));
  });
}

it("results that cannot be written are an error of the disk, a closed pipe is not", {
  timeout: 60_000,
}, async () => {
  for (const args of ["loss --batch 4 --dim 4 --devices 1 --json", "--help"]) {
    const full = await intoShell(args, "> /dev/full");
    expect(full.code, full.stderr).toBe(EXIT.io);
    expect(full.stderr).toMatch(/^siglip: .*standard output: ENOSPC/m);
    expect(full.stderr).not.toMatch(/^ +at /m);
    expect(await intoShell(args, "| true")).toEqual({ code: 0, stderr: "" });
  }
});

it("a warning that cannot be written ends nothing", { timeout: 60_000 }, async () => {
  expect((await intoShell("loss --batch 4 --dim 4 --devices 1 --draw --json", "2> /dev/full > /dev/null")).code).toBe(
    0,
  );
});
