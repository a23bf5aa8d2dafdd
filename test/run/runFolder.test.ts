/** Run folders: made once, never overwritten, opened by one process at a time. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT, exitCodeOf, isExpected } from "../../src/cli/exitCodes.ts";
import { digested, resolveConfig } from "../../src/run/config.ts";
import { checkRunPath, configDigest, createNextRun, createRun, readRun, resumeRun } from "../../src/run/runFolder.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const config = resolveConfig("emoji-paper", ["optim.lr=1e-3"]);
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

describe("a path where no run can be made", () => {
  it.each([
    ["empty", () => "", EXIT.usage, /--out is empty/],
    ["of blanks", () => "  ", EXIT.usage, /--out is empty/],
    ["below a file", (folder: string) => join(folder, "file", "x"), EXIT.usage, /file[/]x cannot be created: ENOTDIR/],
    ["with a name that is too long", (folder: string) => join(folder, "x".repeat(300)), EXIT.usage, /ENAMETOOLONG/],
  ])("(%s) is refused before work is begun", (_, pathIn, code, says) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    expect(exitCodeFrom(() => checkRunPath(pathIn(folder)))).toBe(code);
    expect(() => checkRunPath(pathIn(folder))).toThrow(says);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  it.runIf(existsSync("/proc/self"))("(where the system makes no folders) is an error of the disk", () => {
    expect(exitCodeFrom(() => checkRunPath("/proc/x/y"))).toBe(EXIT.io);
    expect(() => checkRunPath("/proc/x/y")).toThrow(/\/proc\/x\/y cannot be created: ENOENT.*choose another --out/);
  });

  it("is distinguished from a valid one, where nothing is left behind", () => {
    const folder = temporaryFolder();
    checkRunPath(join(folder, "deep", "run"));
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(join(folder, "empty"));
    checkRunPath(join(folder, "empty"));
    expect(readdirSync(folder)).toEqual(["empty"]);
  });
});

describe("a run without any step", () => {
  it("leaves nothing when it is discarded, also of the folders above it", () => {
    const folder = temporaryFolder();
    const run = createRun(join(folder, "deep", "run"), config, now);
    writeFileSync(join(run.path, "metrics.jsonl"), "");
    for (const begun of ["journal.jsonl", "report.html"]) writeFileSync(join(run.path, begun), "begun");
    expect(run.discard()).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    run.release();
    expect(run.discard()).toBe(false);
  });

  it("keeps a folder that was there before", () => {
    const folder = temporaryFolder();
    expect(createRun(folder, config, now).discard()).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(["metrics.jsonl", "checkpoint/000001-step-1.manifest.json", "notes.txt"])(
    "is told from one that has something in %s, of which all stays",
    (name) => {
      const path = join(temporaryFolder(), "run");
      const run = createRun(path, config, now);
      writeFileSync(join(path, name), "something");
      expect(run.discard()).toBe(false);
      expect(readFileSync(join(path, name), "utf8")).toBe("something");
      expect(readRun(path).config).toEqual(config);
    },
  );
});

it("a path that is no run is refused with what is missing", () => {
  const folder = temporaryFolder();
  expect(() => readRun(folder)).toThrow(/is not a run folder: .*config\.json does not exist/);
  expect(() => readRun(join(folder, "gone"))).toThrow(/gone is not a run folder: there is no such folder/);
});

it("a link to a run folder is followed, and one to an empty folder can become a run", () => {
  const folder = temporaryFolder();
  createRun(join(folder, "run"), config, now).release();
  symlinkSync(join(folder, "run"), join(folder, "link"));
  expect(readRun(join(folder, "link")).config).toEqual(config);
  const run = resumeRun(join(folder, "link"), now);
  expect(exitCodeFrom(() => resumeRun(join(folder, "run"), now))).toBe(EXIT.locked);
  run.release();
  mkdirSync(join(folder, "empty"));
  symlinkSync(join(folder, "empty"), join(folder, "other"));
  createRun(join(folder, "other"), config, now).release();
  expect(readRun(join(folder, "empty")).config).toEqual(config);
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
  expect(exitCodeFrom(() => createRun(join(folder, "dangling"), config, now))).toBe(EXIT.usage);
});

it("createNextRun names folders by time and preset, and never takes one twice", () => {
  const parent = join(temporaryFolder(), "runs");
  const paths = [1, 2, 3].map(() => createNextRun(parent, "emoji", config, now).path);
  expect(paths).toEqual(
    ["2026-01-02-0304-emoji", "2026-01-02-0304-emoji-2", "2026-01-02-0304-emoji-3"].map((n) => join(parent, n)),
  );
});

describe("resumeRun", () => {
  it("opens a run once its process has released it, not before", () => {
    const path = join(temporaryFolder(), "run");
    const run = createRun(path, config, now);
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(EXIT.locked);
    expect(readRun(path).config).toEqual(config); // reading needs no lock
    run.release();
    const again = resumeRun(path, now);
    expect(exitCodeFrom(() => resumeRun(path, now))).toBe(EXIT.locked);
    again.release();
  });

  it("creates no lock in a folder that is not a run", () => {
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

it("the digest changes exactly with the keys that change the result", () => {
  const digest = (setting: string): string => configDigest(resolveConfig("emoji-paper", [setting]));
  const base = configDigest(resolveConfig("emoji-paper", []));
  for (const setting of [
    "optim.lr=1",
    "train.seed=1",
    "model.embedDim=32",
    "data.augment=none",
    "tokenizer.length=9",
  ]) {
    expect(digest(setting)).not.toBe(base);
  }
  for (const setting of [
    "log.every=1",
    "eval.every=1",
    "checkpoint.every=1",
    "checkpoint.keep=3",
    "checkpoint.minutes=1",
  ]) {
    expect(digest(setting)).toBe(base);
  }
});

const SHORT = ["data.augment=light", "train.steps=4677"];

it.each([
  ["emoji-paper", [], "09439ab9fb956fd3ac739c17bcbec9f1c0682f217c5fc3ded620f2f5706610f0"],
  ["emoji-paper", SHORT, "dfdde6276f0f0fa3499c75d38c62465114c0f284ad0a69f8e34b871b8b4d2658"],
  [
    "emoji-paper",
    [...SHORT, "data.name=emoji-unseen"],
    "608b6b41202319c95630b7f5c7c2f5426a404f9696470453edf7b8fd581d6c1d",
  ],
  ["shapes", [], "fe356b4624a9f44dbdfcc381d90b144a38d9d878f352814294c5033b33cb7eb7"],
])("the digest of %s with %j is the one that runs of version 0.1.0 carry", (preset, settings, digest) => {
  // A new key must be listed in LATER_KEYS (config.ts), so that runs saved without it can be resumed.
  expect(configDigest(resolveConfig(preset, settings))).toBe(digest);
});

it("a later key counts in the digest only if it differs from its default", () => {
  const text = (settings: string[], later: string[]): string =>
    JSON.stringify(digested(resolveConfig("emoji-paper", settings), later));
  expect(text([], ["data.augment", "optim.decayed", "train.firstSteps"])).not.toMatch(/augment|decayed/);
  expect(text(["data.augment=none"], ["data.augment", "train.firstSteps"])).toMatch(/"augment":"none"/);
  expect(text([], ["optim.multipliers", "train.firstSteps"])).not.toMatch(/multipliers/);
});

it("every value of loss.views has a digest of its own", () => {
  const digests = ["1", "texts", "image-image"].map((views) =>
    configDigest(resolveConfig("emoji-paper", [`loss.views=${views}`])),
  );
  expect(new Set(digests).size).toBe(3);
});

it.each(["loss.negatives=hard", "loss.sameName=negative", "data.noise=text"])(
  "%s has a digest of its own",
  (setting) => {
    expect(configDigest(resolveConfig("emoji", [setting]))).not.toBe(configDigest(resolveConfig("emoji", [])));
  },
);

it("a run whose steps were changed by --resume keeps its digest", () => {
  const { train, ...rest } = resolveConfig("emoji-paper", ["train.steps=10"]);
  const longer = { ...rest, train: { ...train, steps: 20, firstSteps: 10 } };
  expect(configDigest(longer)).toBe(configDigest({ ...rest, train }));
});

it("a configuration without later keys is read with their defaults", () => {
  const path = join(import.meta.dirname, "../fixtures/run/first");
  const text = readFileSync(join(path, "config.json"), "utf8");
  expect(text).not.toMatch(/minutes|firstSteps/);
  expect(readRun(path).config).toMatchObject({ checkpoint: { minutes: 5 }, train: { firstSteps: 0 } });
});

it("unexpected errors exit with 70, those of the system with 74", () => {
  expect(exitCodeOf(new TypeError("x is undefined"))).toBe(EXIT.internal);
  expect(exitCodeOf("thrown text")).toBe(EXIT.internal);
  expect(exitCodeOf(Object.assign(new Error("no space"), { code: "ENOSPC" }))).toBe(EXIT.io);
  expect(exitCodeOf(Object.assign(new Error("x"), { code: "ERR_INVALID_ARG_TYPE" }))).toBe(EXIT.internal);
  expect(isExpected(new TypeError("x"))).toBe(false);
});
