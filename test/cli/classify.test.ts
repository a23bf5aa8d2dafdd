import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { siglip, TINY } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-classify-"));
const run = (loss: string): string => join(folder, loss);
const picture = join(folder, "red.png");

beforeAll(async () => {
  for (const loss of ["sigmoid", "softmax"]) {
    const args = ["--set", "train.steps=2", "--set", `train.loss=${loss}`, "--out", run(loss)];
    const { code, stderr } = await siglip(["train", ...TINY, ...args]);
    expect(code, stderr).toBe(0);
  }
  await sharp({ create: { width: 40, height: 40, channels: 3, background: "red" } }).toFile(picture);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly score: number;
  readonly probability?: number;
  readonly share?: number;
}
const answer = async (...args: readonly string[]): Promise<readonly Result[]> => {
  const { code, stdout, stderr } = await siglip([...args, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).results;
};

describe("what siglip says about a score", { timeout: 60_000 }, () => {
  it("is a probability of each pair after the sigmoid loss", async () => {
    const results = await answer("classify", run("sigmoid"), picture, "a red circle", "a blue square");
    for (const { probability, share } of results) {
      expect(probability).toBeGreaterThan(0);
      expect(probability).toBeLessThan(1);
      expect(share).toBeUndefined();
    }
  });

  it("is the share among the candidates after the softmax loss, which trains no probability of a pair", async () => {
    const labels = ["a red circle", "a blue square", "a green ring"];
    for (const results of [
      await answer("classify", run("softmax"), picture, ...labels),
      await answer("search", run("softmax"), labels[0], picture, picture, picture),
    ]) {
      expect(results.reduce((sum, { share = 0 }) => sum + share, 0)).toBeCloseTo(1, 6);
      expect(results.every(({ probability }) => probability === undefined)).toBe(true);
    }
    const { stdout } = await siglip(["classify", run("softmax"), picture, ...labels]);
    expect(stdout).toMatch(/^ {2}1 {2}a .* +score +-?0\.\d+ {2}share 0\.\d+$/m);
    expect(stdout).not.toMatch(/probability/);
  });

  it("does not exist for an empty label, which is rejected", async () => {
    const { code, stderr } = await siglip(["classify", run("sigmoid"), picture, "a red circle", ""]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/the label "" is empty/);
  });

  it("does not exist for a label that is a picture: labels of several pictures have an option", async () => {
    const { code, stdout, stderr } = await siglip(["classify", run("sigmoid"), picture, picture, "a red circle"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/red\.png is a picture, not a label; give the labels of several pictures as --labels/);
    const several = await siglip(["classify", run("sigmoid"), picture, picture, "--labels", "a red circle"]);
    expect(several.code, several.stderr).toBe(0);
  });

  it("is the same for two labels cut to the same words, with a warning", async () => {
    const long = "a small red circle above a large blue square and below a ring of green and yellow and";
    const { stderr } = await siglip(["classify", run("sigmoid"), picture, `${long} pink`, `${long} black`, "a circle"]);
    expect(stderr).toMatch(/^warning: 2 of 3 texts are longer than the 15 tokens that the model reads/m);
  });
});
