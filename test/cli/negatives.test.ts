/** Training with some of the negatives, equal texts and label noise: the same weights on any devices and after a resume. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/startingWeights.ts";
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
  it.each([
    ["random", "all"],
    ["hard", "alignment"],
  ])(
    "with %s negatives and noise of kind %s ends with the same weights on 1 and 4 devices and after a resume",
    async (choice, noise) => {
      const spoiled = [`data.noise=${noise}`, "data.noiseProbability=0.3"];
      const settings = [`loss.negatives=${choice}`, "loss.ratio=0.3", ...spoiled, "optim.schedule=constant", "optim.warmup=0"]; // biome-ignore format: a line
      const args = ["train", ...TINY, "--shards", "4", ...set(settings)];
      const at = (devices: number) => `${choice}-${devices}`;
      for (const devices of [1, 4]) {
        await done([
          ...args,
          ...set(["train.steps=8"]),
          "--devices",
          String(devices),
          "--out",
          join(folder, at(devices)),
        ]);
      }
      const half = join(folder, `${choice}-half`);
      await done([...args, ...set(["train.steps=3"]), "--devices", "2", "--out", half]);
      await done(["train", "--resume", "--out", half, "--devices", "1", ...set(["train.steps=8"])]);
      for (const name of [at(4), `${choice}-half`]) expect(weights(name)).toBe(weights(at(1)));
    },
  );

  it("says once that texts of a batch are equal, and what comes of it; other names change nothing", async () => {
    const cache = join(folder, "cache");
    await paintEmoji(cache, ["noto", "twemoji", "fluent", "openmoji"]);
    const env = { SIGLIP_CACHE: cache };
    const train = (name: string, settings: readonly string[]) =>
      done(["train", ...TINY, "--preset", "emoji", ...set(["data.strokeProbability=0", "train.batch=64", "train.steps=3", ...settings]), "--out", join(folder, name)], env); // biome-ignore format: a line
    const keywords = "data.keywordProbability=1";
    for (const [sameName, outcome] of [
      ["mask", "does not count"],
      ["positive", "counts as a positive"],
    ] as const) {
      // biome-ignore format: a line
      const messages = await train(sameName, [keywords, `loss.sameName=${sameName}`]);
      expect(messages.match(/equal texts in a batch: .*/g)).toEqual([
        `equal texts in a batch: an image with the same text of another row ${outcome} (loss.sameName ${sameName})`,
      ]);
    }
    expect(await train("negative", [keywords, "loss.sameName=negative"])).not.toContain("equal texts");
    expect(new Set(["mask", "positive", "negative"].map(weights)).size).toBe(3);
    for (const sameName of ["mask", "negative"]) await train(`names-${sameName}`, [`loss.sameName=${sameName}`]);
    expect(weights("names-mask")).toBe(weights("names-negative"));
  });
});
