/** Run folders: made once, never written over, opened by one process at a time. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../src/cli/config.ts";
import { EXIT, exitCodeOf, isExpected } from "../../src/cli/exitCodes.ts";
import { configDigest, createNextRun, createRun, readRun, resumeRun } from "../../src/cli/runFolder.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const config = resolveConfig("emoji", ["optim.lr=1e-3"]);
const now = new Date(2026, 0, 2, 3, 4);

const exitCodeFrom = (act: () => unknown): number => {
  try {
    act();
  } catch (error) {
    expect(isExpected(error)).toBe(true);
    return exitCodeOf(error);
  }
  return EXIT.done;
};

describe("createRun", () => {
  it("writes a configuration that reads back as the same", () => {
    const path = join(temporaryFolder(), "deep", "run");
    createRun(path, config, now).release();
    expect(readRun(path).config).toEqual(config);
    expect(readdirSync(path).sort()).toEqual(["checkpoint", "config.json"]);
    expect(readRun(path).checkpoints.load()).toBe(undefined);
  });

  it("refuses a folder in which something is, and changes nothing there", () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "thesis.txt"), "years of work");
    expect(exitCodeFrom(() => createRun(path, config, now))).toBe(EXIT.usage);
    expect(readdirSync(path)).toEqual(["thesis.txt"]);
  });

  it("refuses the folder of another run and a file", () => {
    const parent = temporaryFolder();
    createRun(join(parent, "run"), config, now).release();
    writeFileSync(join(parent, "file"), "");
    expect(exitCodeFrom(() => createRun(join(parent, "run"), config, now))).toBe(EXIT.usage);
    expect(exitCodeFrom(() => createRun(join(parent, "file"), config, now))).toBe(EXIT.usage);
  });

  it("takes an empty folder, and one whose first start was killed", () => {
    const path = temporaryFolder();
    mkdirSync(join(path, "checkpoint"));
    writeFileSync(join(path, "config.json.tmp"), "{");
    createRun(path, config, now).release();
    expect(readRun(path).config).toEqual(config);
  });
});

it("createNextRun names folders by time and preset, and never takes one twice", () => {
  const parent = join(temporaryFolder(), "runs");
  const paths = [1, 2, 3].map(() => createNextRun(parent, "emoji", config, now).path);
  expect(paths).toEqual(
    ["2026-01-02-0304-emoji", "2026-01-02-0304-emoji-2", "2026-01-02-0304-emoji-3"].map((n) => join(parent, n)),
  );
});

describe("resumeRun", () => {
  it("opens a run once its process has let go, not before", () => {
    const path = join(temporaryFolder(), "run");
    const run = createRun(path, config, now);
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(EXIT.locked);
    expect(readRun(path).config).toEqual(config); // reading needs no lock
    run.release();
    const again = resumeRun(path, now);
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(EXIT.locked);
    again.release();
  });

  it("puts no lock into a folder that is no run", () => {
    const path = temporaryFolder();
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(EXIT.usage);
    expect(exitCodeFrom(() => resumeRun(join(path, "absent"), now))).toBe(EXIT.usage);
    expect(readdirSync(path)).toEqual([]);
  });

  it.each([
    ["cut off", (text: string) => text.slice(0, 100), EXIT.data],
    ["empty", () => "", EXIT.data],
    ["with a key twice", (text: string) => text.replace('"seed"', '"steps"'), EXIT.data],
    ["with a number beyond doubles", (text: string) => text.replace('"lr": 0.001', '"lr": 1e999'), EXIT.data],
    ["with a value out of range", (text: string) => text.replace('"lr": 0.001', '"lr": 1e9'), EXIT.usage],
    ["with __proto__", (text: string) => text.replace('"optim"', '"__proto__"'), EXIT.usage],
  ])("refuses a configuration that is %s", (_name, change, code) => {
    const path = join(temporaryFolder(), "run");
    createRun(path, config, now).release();
    const file = join(path, "config.json");
    writeFileSync(file, change(readFileSync(file, "utf8")));
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(code);
    expect(readdirSync(path).sort()).toEqual(["checkpoint", "config.json"]);
  });
});

it("a run whose checkpoint folder is gone is an error of the disk", () => {
  const path = join(temporaryFolder(), "run");
  const run = createRun(path, config, now);
  rmSync(join(path, "checkpoint"), { recursive: true });
  expect(exitCodeFrom(() => run.checkpoints.load())).toBe(EXIT.io);
  expect(existsSync(join(path, "checkpoint"))).toBe(false);
});

it("the digest changes with what changes the result, and only with that", () => {
  const digest = (setting: string): string => configDigest(resolveConfig("emoji", [setting]));
  const base = configDigest(resolveConfig("emoji", []));
  for (const setting of [
    "optim.lr=1",
    "train.seed=1",
    "model.embedDim=32",
    "data.augment=none",
    "tokenizer.length=9",
  ]) {
    expect(digest(setting)).not.toBe(base);
  }
  for (const setting of ["log.every=1", "eval.every=1", "checkpoint.every=1", "checkpoint.keep=3"]) {
    expect(digest(setting)).toBe(base);
  }
});

it("errors that nobody expected exit with 70, and those of the system with 74", () => {
  expect(exitCodeOf(new TypeError("x is undefined"))).toBe(EXIT.internal);
  expect(exitCodeOf("thrown text")).toBe(EXIT.internal);
  expect(exitCodeOf(Object.assign(new Error("no space"), { code: "ENOSPC" }))).toBe(EXIT.io);
  expect(exitCodeOf(Object.assign(new Error("x"), { code: "ERR_INVALID_ARG_TYPE" }))).toBe(EXIT.internal);
  expect(isExpected(new TypeError("x"))).toBe(false);
});
