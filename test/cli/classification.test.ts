/** Runs with train.objective=classify: from the first step to a text tower for their image tower. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { interrupted, siglip, TINY } from "../support/cli.ts";

let folder: string;
const at = (name: string): string => join(folder, name);
const pretrain = (name: string, ...more: string[]): string[] => [
  ...["train", ...TINY, "--set", "train.objective=classify", "--set", "train.steps=60", "--set", "eval.every=30"],
  ...["--out", at(name), ...more],
];
const weights = (name: string, begin = ""): string =>
  sha256OfWeights(weightsOf(new CheckpointFolder(join(at(name), "checkpoint"), { keep: 2 }).load()!), begin);
const metrics = (name: string): string => readFileSync(join(at(name), "metrics.jsonl"), "utf8");

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await siglip(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe("train.objective=classify", { timeout: 240_000 }, () => {
  let printed: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "siglip-classify-"));
    printed = await done(...pretrain("tower", "--devices", "2"));
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it("ends with a table of accuracy and a report of tower and classes, without texts", () => {
    expect(printed).toMatch(
      /never seen together: 6 classes, 1000 pictures\n +accuracy +\d+\.\d %\n +most frequent class/,
    );
    const report = readFileSync(join(at("tower"), "report.html"), "utf8");
    expect(report).toMatch(/One tower for pictures[\s\S]*Accuracy, in %[\s\S]*Few-shot probe/);
    expect(report.replace(/<script type="module">[\s\S]*?<\/script>/g, "")).not.toMatch(
      /undefined|NaN|Temperature|text → picture/,
    );
    const [first, ...rest] = metrics("tower")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(first).toHaveProperty("accuracy");
    expect(first).not.toHaveProperty("t");
    expect(rest.filter((row) => "testAccuracy" in row).map(({ step }) => step)).toEqual([30, 60]);
  });

  it("ends with the same bits on one device, and if it was interrupted and resumed on two", async () => {
    const { code, stderr } = await interrupted(pretrain("resumed", "--devices", "1"));
    expect(code, stderr).toBe(130);
    await done("train", "--resume", "--out", at("resumed"), "--devices", "2");
    expect(weights("resumed")).toBe(weights("tower"));
    expect(metrics("resumed")).toBe(metrics("tower"));
  });

  it("is evaluated by accuracy, with the probe if asked for", async () => {
    const printedJson = await done("eval", at("tower"), "--json", "--probe", "--devices", "1");
    const { step, tests, others, probe, ...first } = JSON.parse(printedJson);
    expect({ step, others }).toEqual({ step: 60, others: [] });
    expect(first).toEqual(tests[0]);
    expect(first).toMatchObject({ classes: 6, images: 1000, chance: 1 / 6 });
    expect(printed).toContain(`${(100 * first.accuracy).toFixed(1)} %`);
    expect(probe).toHaveLength(4);
  });

  it("gives its image tower to a run that locks it", async () => {
    const start = ["--preset", "shapes", "--init", at("tower"), "--lock", "image"];
    await done("train", ...start, "--set", "train.batch=16", "--set", "train.steps=2", "--out", at("text"));
    expect(weights("text", "image/")).toBe(weights("tower", "image/"));
  });

  it("starts from the image tower of a run of pairs, and is resumed without it", async () => {
    const size = TINY.filter((_, i) => i < 2 || i > 13); // its tower is that of --init
    const short = ["--set", "train.steps=4", "--devices", "1"];
    await done("train", ...TINY, ...short, "--set", "optim.warmup=0", "--out", at("pairs"));
    const init = ["--init", at("pairs"), "--set", "train.objective=classify", "--set", 'optim.frozen=["image/.*"]'];
    await done("train", ...size, ...short, ...init, "--out", at("onto"));
    expect(weights("onto", "image/")).toBe(weights("pairs", "image/"));
    rmSync(at("pairs"), { recursive: true });
    expect(await done("train", "--resume", "--out", at("onto"))).toMatch(/ 4 steps/);
  });

  it.each([
    ["search", () => ["search", at("tower"), "circle"], /has no text tower; train one for it with train --lock image --init RUN$/m],
    ["a run that takes more than its image tower", () => ["train", "--preset", "shapes", "--init", at("tower"), "--dry-run"], /has no text tower; take its image tower with --lock image/],
  ])("refuses %s", async (_, args, says) => {
    const { code, stderr } = await siglip(args());
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(says);
  }); // biome-ignore format: a case a line
});
