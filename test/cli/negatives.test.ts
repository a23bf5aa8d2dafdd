/** Training with some of the negatives, equal texts and label noise: the same weights on any devices and after a resume. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { siglip, TINY, TINY_MODEL } from "../support/cli.ts";

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
    const data = join(folder, "data");
    mkdirSync(data);
    for (const [i, text] of ["a cat", "a cat", "a dog", "a bird"].entries()) {
      cpSync(join(import.meta.dirname, `../fixtures/sources/folder/00${[0, 1, 2, 4][i]}.png`), join(data, `${i}.png`));
      writeFileSync(join(data, `${i}.txt`), text);
    }
    const train = (sameName: string) => {
      const args = ["train", "--data", data, ...TINY_MODEL, ...set(["train.steps=3", `loss.sameName=${sameName}`])];
      return done([...args, "--devices", "1", "--out", join(folder, sameName)], {
        SIGLIP_CACHE: join(folder, "cache"),
      });
    };
    expect((await train("mask")).match(/equal texts in a batch: .*/g)).toEqual([
      "equal texts in a batch: an image with the same text of another row does not count (loss.sameName mask)",
    ]);
    expect(await train("negative")).not.toContain("equal texts");
    expect(weights("mask")).not.toBe(weights("negative"));
  });
});
