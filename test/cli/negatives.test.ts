/** Training with some of the negatives, equal texts and label noise: the same weights on any devices and after a resume. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { siglip, TINY } from "../support/cli.ts";
import { paintEmoji } from "../support/paintedEmoji.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-negatives-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const set = (settings: readonly string[]): string[] => settings.flatMap((setting) => ["--set", setting]);

/** Runs a command; its messages. */
async function done(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stderr } = await siglip(args, undefined, [], undefined, env);
  expect(code, stderr).toBe(0);
  return stderr;
}

function weights(name: string): string {
  const checkpoint = new CheckpointFolder(join(folder, name, "checkpoint"), { keep: 2 }).load();
  if (!checkpoint) throw new Error(`no checkpoint in ${name}`);
  return sha256OfWeights(weightsOf(checkpoint), "");
}

describe("siglip train", { timeout: 300_000 }, () => {
  it("with random negatives and label noise ends with the same weights on 1 and 4 devices and after a resume", async () => {
    const spoiled = ["data.noise=all", "data.noiseProbability=0.3", "loss.negatives=random", "loss.ratio=0.3"];
    const args = ["train", ...TINY, "--shards", "4", ...set([...spoiled, "optim.schedule=constant", "optim.warmup=0"])];
    const train = (name: string, devices: number, steps: number) =>
      done([...args, "--devices", String(devices), ...set([`train.steps=${steps}`]), "--out", join(folder, name)]);
    await train("one", 1, 8);
    await train("four", 4, 8);
    await train("resumed", 2, 3);
    await done(["train", "--resume", "--devices", "1", ...set(["train.steps=8"]), "--out", join(folder, "resumed")]);
    for (const name of ["four", "resumed"]) expect(weights(name)).toBe(weights("one"));
  });

  it("says once that texts of a batch are equal, and what comes of it", async () => {
    const cache = join(folder, "cache");
    await paintEmoji(cache, ["noto", "twemoji", "fluent", "openmoji"]);
    const equal = ["data.keywordProbability=1", "data.strokeProbability=0", "train.batch=64", "train.steps=3"];
    const train = (sameName: string) => {
      const args = ["train", ...TINY, "--preset", "emoji", ...set([...equal, `loss.sameName=${sameName}`])];
      return done([...args, "--out", join(folder, sameName)], { SIGLIP_CACHE: cache });
    };
    expect((await train("mask")).match(/equal texts in a batch: .*/g)).toEqual([
      "equal texts in a batch: an image with the same text of another row does not count (loss.sameName mask)",
    ]);
    expect(await train("negative")).not.toContain("equal texts");
    expect(weights("mask")).not.toBe(weights("negative"));
  });
});
