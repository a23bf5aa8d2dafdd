import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { siglip, TINY } from "../support/cli.ts";

let folder: string;
const run = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "siglip-eval-"));
  for (const loss of ["sigmoid", "softmax"]) {
    const settings = ["--set", "train.steps=12", "--set", `train.loss=${loss}`, "--out", run(loss)];
    const { code, stderr } = await siglip(["train", ...TINY, ...settings]);
    expect(code, stderr).toBe(0);
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function evaluation(...args: readonly string[]) {
  const { code, stdout, stderr } = await siglip(["eval", ...args]);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe("siglip eval", { timeout: 120_000 }, () => {
  it("--probe adds the accuracy of the few-shot probe, with its seeds and chance, the same on any number of devices", async () => {
    const one = await evaluation(run("sigmoid"), "--probe", "--json", "--devices", "1");
    expect(await evaluation(run("sigmoid"), "--probe", "--json", "--devices", "2")).toBe(one);
    const { probe } = JSON.parse(one);
    expect(probe.map(({ shots }: { shots: number }) => shots)).toEqual([1, 5, 10, 25]);
    for (const { accuracy, pixels, chance } of probe) {
      expect(chance).toBe(1 / 6); // shapes
      for (const { mean, seeds } of [accuracy, pixels]) {
        expect(seeds).toHaveLength(3);
        expect(mean).toBeCloseTo((seeds[0] + seeds[1] + seeds[2]) / 3, 12);
      }
    }
    // Shapes can be told from pixels by 25 examples of each, somewhat.
    expect(probe[3].pixels.mean).toBeGreaterThan(0.22);
  });

  it("prints the probe below the tables of retrieval, and only with --probe", async () => {
    const printed = await evaluation(run("sigmoid"), "--probe");
    expect(printed).toMatch(
      /few-shot probe, shape of .*: 6 classes, 1000 pictures\n +pictures per class +1 +5 +10 +25\n/,
    );
    expect(printed).toMatch(
      /accuracy, mean of 3 seeds( +\d+\.\d %){4}\n +accuracy by pixels( +\d+\.\d %){4}\n +chance/,
    );
    expect(printed.startsWith(await evaluation(run("sigmoid")).then((text) => text.trimEnd()))).toBe(true);
    expect(JSON.parse(await evaluation(run("sigmoid"), "--json"))).not.toHaveProperty("probe");
  });

  it("--json lists every test set under its name, and the first one's figures also at the top", async () => {
    const { step, tests, others, ...first } = JSON.parse(await evaluation(run("sigmoid"), "--json"));
    expect(step).toBe(12);
    expect(tests.map(({ name }: { name: string }) => name)).toEqual(["unseen", "train"]);
    expect(first).toEqual(tests[0]);
    expect(others).toEqual(tests.slice(1));
    for (const { textToImage, imageToText, chance } of tests) {
      for (const recall of [textToImage, imageToText, chance]) expect(Object.keys(recall)).toEqual(["r1", "r5", "r10"]);
      expect(chance.r1).toBe(1 / 1000);
    }
  });

  it("gives the calibration of every test set after the sigmoid loss, none after the softmax loss", async () => {
    const { calibration, tests } = JSON.parse(await evaluation(run("sigmoid"), "--json"));
    for (const { bins, ece, perMatch } of [calibration, tests[1].calibration]) {
      expect(bins.reduce((sum: number, { pairs }: { pairs: number }) => sum + pairs, 0)).toBe(1000 * 1000);
      expect(perMatch).toBeCloseTo(16 * ece, 12); // one match in a batch of 16
      expect(perMatch).toBeLessThan(1);
    }
    expect(JSON.parse(await evaluation(run("softmax"), "--json"))).not.toHaveProperty("calibration");
    const report = (loss: string): string => readFileSync(join(run(loss), "report.html"), "utf8");
    expect(report("sigmoid")).toContain(`error ${calibration.perMatch.toFixed(2)} per match`);
    expect(report("softmax")).not.toContain("per match");
  });
});
