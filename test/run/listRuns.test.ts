/** The list of runs: how far each came, and how it differs from a preset. */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runsTable } from "../../src/cli/runs.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { nearestPreset } from "../../src/run/configKeys.ts";
import { listRuns, newestRun } from "../../src/run/listRuns.ts";
import { createRun } from "../../src/run/runFolder.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const config = resolveConfig("shapes", ["optim.lr=1e-3", "train.steps=100", "train.shards=8"]);
const settings = ["train.steps=100", "optim.lr=0.001"];
const refuse = (message: string): never => {
  throw new Error(message);
};

/** A run with a checkpoint of `step`, and metrics a little beyond. */
function makeRun(path: string, step: number): { release(): void } {
  const run = createRun(path, config, new Date());
  if (step === 0) return run;
  run.checkpoints.save({ step, tensors: new Map(), meta: {} }, "digest");
  const lines = [
    { step: 20, loss: 5 },
    { step: 40, loss: 2.5 },
    { step: 40, "textToImage.r1": 0.25, "textToImage.r5": 0.5, "textToImage.r10": 1, "imageToText.r1": 0.125, "imageToText.r5": 0.5, "imageToText.r10": 0.75 }, // biome-ignore format: a line of metrics
    { step: 60, loss: "NaN" },
  ];
  writeFileSync(join(path, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return run;
}

/** Dates all that a run wrote. */
function date(path: string, day: number): void {
  for (const name of ["config.json", "metrics.jsonl", "checkpoint"]) {
    const time = new Date(2030, 0, day);
    if (name !== "metrics.jsonl" || day > 1) utimesSync(join(path, name), time, time);
  }
}

describe("listRuns", () => {
  it("says of each run whether it is done, stopped or running, the one written last at the end", () => {
    const folder = temporaryFolder();
    const [fresh, whole, half, busy] = ["z", "y", "x", "w"].map((name) => join(folder, name));
    makeRun(fresh, 0).release();
    makeRun(whole, 100).release();
    makeRun(half, 50).release();
    const running = makeRun(busy, 50);
    for (const [i, path] of [fresh, whole, half, busy].entries()) date(path, i + 1);
    const recall = {
      step: 40,
      textToImage: { r1: 0.25, r5: 0.5, r10: 1 },
      imageToText: { r1: 0.125, r5: 0.5, r10: 0.75 },
    };
    const same = { steps: 100, loss: null, recall, testAccuracy: null, preset: "shapes", settings };
    const found = listRuns(folder, refuse);
    expect(found).toEqual([
      { ...same, path: fresh, state: "stopped", step: 0, recall: null, changed: new Date(2030, 0, 1) },
      { ...same, path: whole, state: "done", step: 100, changed: new Date(2030, 0, 2) },
      { ...same, path: half, state: "stopped", step: 50, changed: new Date(2030, 0, 3) },
      { ...same, path: busy, state: "running", step: 60, changed: new Date(2030, 0, 4) },
    ]);
    expect(newestRun(folder)).toBe(busy);
    expect(listRuns(half, refuse).map(({ path }) => path)).toEqual([half]);
    running.release();
    expect(listRuns(folder, refuse).at(-1)).toMatchObject({ state: "stopped", step: 50 });
    const table = runsTable(found).split("\n");
    expect(table).toHaveLength(5);
    expect(table[0]).not.toMatch(/accuracy/);
    expect(table[3]).toMatch(/x +stopped +50\/100 +25\.0 % +12\.5 % +shapes train\.steps=100 optim\.lr=0\.001$/);
  });

  it("has the newest accuracy of a classifier, in a column that runs of pairs leave empty", () => {
    const folder = temporaryFolder();
    makeRun(join(folder, "pairs"), 100).release();
    const path = join(folder, "classes");
    createRun(path, resolveConfig("emoji-classify", []), new Date()).release();
    const lines = [
      { step: 475, testAccuracy: 0.25 },
      { step: 950, testAccuracy: 0.4 },
      { step: 960, loss: 0.5 },
    ];
    writeFileSync(join(path, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const found = listRuns(folder, refuse);
    const [pairs, classes] = ["pairs", "classes"].map((name) => found.find((run) => run.path === join(folder, name))!);
    expect([pairs.testAccuracy, classes.testAccuracy]).toEqual([null, { step: 950, accuracy: 0.4 }]);
    expect(classes.recall).toBeNull();
    const columns = (runs: typeof found) => runsTable(runs).split("\n")[0].split(/ {2,}/);
    expect(columns([classes])).toEqual(["run", "state", "step", "loss", "accuracy", "preset, settings"]);
    const [header, ...rows] = runsTable([classes, pairs]).split("\n");
    expect(header).toMatch(/loss +R@1 t → p +p → t +accuracy +preset, settings$/);
    expect(rows[0]).toMatch(/0\/1,900 +0\.5000 +40\.0 % +emoji-classify$/);
    expect(rows[1]).toMatch(/25\.0 % +12\.5 % +shapes/);
  });

  it("leaves out what is no run, and warns of a run that it cannot read", () => {
    const folder = temporaryFolder();
    expect(listRuns(folder, refuse)).toEqual([]);
    expect(listRuns(join(folder, "none"), refuse)).toEqual([]);
    expect(newestRun(join(folder, "none"))).toBeUndefined();
    mkdirSync(join(folder, "notes"));
    mkdirSync(join(folder, "later"));
    writeFileSync(join(folder, "later", "config.json"), '{"optim": {"momentum": 1}}');
    writeFileSync(join(folder, "file"), "");
    const warnings: string[] = [];
    expect(listRuns(folder, (warning) => void warnings.push(warning))).toEqual([]);
    expect(warnings.join()).toMatch(/later is left out: .*optim\.momentum is not a key/);
    expect(() => listRuns(join(folder, "file"), refuse)).toThrow(/file cannot be listed: .*; name a folder of runs/);
  });
});

it("names of a configuration the preset that it is nearest to, whatever the devices and the contents of files", () => {
  expect(nearestPreset(resolveConfig("emoji", []))).toEqual({ preset: "emoji", settings: [] });
  const own = resolveConfig("files", ["data.path=/pictures", `data.contents=${"a".repeat(64)}`]);
  expect(nearestPreset(own)).toEqual({ preset: "files", settings: ["data.path=/pictures"] });
  const changed = resolveConfig("icons", ["train.shards=16", "optim.lr=0.1", 'optim.frozen=["image/.*"]']);
  expect(nearestPreset(changed)).toEqual({ preset: "icons", settings: ["optim.lr=0.1", 'optim.frozen=["image/.*"]'] });
});
