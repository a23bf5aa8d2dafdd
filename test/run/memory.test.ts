/** Shards and devices are chosen so that a step fits; a run that cannot fit is rejected before it starts. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressLimit, addressSpaceHint } from "../../src/cli/addressSpace.ts";
import { defaultShards } from "../../src/cli/devices.ts";
import { EXIT, exitCodeOf, isExpected } from "../../src/cli/exitCodes.ts";
import { DeviceError } from "../../src/parallel/index.ts";
import { type Config, resolveConfig } from "../../src/run/config.ts";
import { checkMemory, deviceBytes, fittingShards, runBytes } from "../../src/run/memory.ts";
import { presetNames } from "../../src/run/presets.ts";
import { HEAP_BYTES, OutOfMemoryError, SystemMemoryError } from "../../src/tensor/index.ts";
import { siglip, TINY } from "../support/cli.ts";

/** ViT-S/16 at 224 pixels. */
const VIT_S = [
  "model.image.imageSize=224", "model.image.patchSize=16", "model.image.width=384", "model.image.depth=12",
  "model.image.mlpDim=1536", "model.image.numHeads=6",
]; // biome-ignore format: groups of keys

it.each(presetNames)("preset %s keeps its default number of shards", (preset) => {
  const config = resolveConfig(preset, []);
  for (const devices of [1, 2, 4, 8, 16]) {
    const shards = defaultShards(config.train.batch, devices);
    expect(fittingShards(config, devices, shards)).toBe(shards);
  }
});

it("a large tower gets as many shards as it needs", () => {
  const config = resolveConfig("emoji-paper", VIT_S);
  expect(deviceBytes(config, 2, 2)).toBeGreaterThan(HEAP_BYTES);
  const shards = fittingShards(config, 2, 2);
  expect(shards).toBe(16);
  expect(deviceBytes(config, shards, 2)).toBeLessThan(0.75 * HEAP_BYTES);
});

it("a locked tower needs less than a trained one, and embeddings less still: their batches hold no pixels", () => {
  const needs = (...settings: string[]): [step: number, run: number] => {
    const config = resolveConfig("emoji-paper", [...VIT_S, "train.shards=16", ...settings]);
    return [deviceBytes(config, 16, 2), runBytes(config, 2)];
  };
  const unchanged = ["data.augment=none", "data.strokeProbability=0"];
  const [trained, locked, embedded] = [needs(), needs("train.lock=image"), needs("train.lock=image", ...unchanged)];
  expect(needs(...unchanged)).toEqual(trained);
  for (const i of [0, 1]) {
    expect(locked[i]).toBeLessThan(0.6 * trained[i]);
    expect(embedded[i]).toBeLessThan(0.7 * locked[i]);
  }
});

it("a text tower on embeddings takes a batch of 65,536 on two devices", () => {
  const config = resolveConfig("emoji-siglit", ["train.batch=65536", "train.shards=1"]);
  const shards = fittingShards(config, 2);
  expect(runBytes({ ...config, train: { ...config.train, shards } }, 2)).toBeLessThan(4 * 2 ** 30);
});

/** Configurations of any size. */
const sizes = fc
  .record({
    batch: fc.constantFrom(2, 6, 32, 128, 600, 4096, 65_536),
    devices: fc.constantFrom(1, 2, 3, 8),
    width: fc.constantFrom(64, 384, 1024, 2048),
    depth: fc.constantFrom(1, 12, 24),
    side: fc.constantFrom(32, 224, 512),
    patch: fc.constantFrom(8, 16),
    loss: fc.constantFrom("sigmoid", "softmax"),
    views: fc.constantFrom("1", "texts", "image-image"),
  })
  .filter(({ batch, devices, width, depth }) => batch % devices === 0 && width * depth < 40_000)
  .map(({ batch, devices, width, depth, side, patch, loss, views }) => ({
    devices,
    settings: [
      `train.batch=${batch}`, "train.shards=1", `train.loss=${loss}`, `model.image.width=${width}`,
      `model.image.depth=${depth}`, `model.image.mlpDim=${4 * width}`, `model.image.imageSize=${side}`,
      `model.image.patchSize=${patch}`, `loss.views=${views}`,
    ], // biome-ignore format: groups of keys
  }));

const cut = (config: Config, shards: number, batch = config.train.batch): Config => ({
  ...config,
  train: { ...config.train, shards, batch },
});

it("chosen shards divide the batch, are shared evenly, and fit if any number does", () => {
  fc.assert(
    fc.property(sizes, ({ devices, settings }) => {
      const config = resolveConfig("shapes", settings);
      const { batch } = config.train;
      const shards = fittingShards(config, devices);
      expect([batch % shards, shards % devices]).toEqual([0, 0]);
      if (deviceBytes(config, shards, devices) <= HEAP_BYTES) return;
      for (let other = devices; other <= Math.min(batch, 4096); other += devices) {
        if (batch % other === 0) expect(deviceBytes(config, other, devices)).toBeGreaterThan(HEAP_BYTES);
      }
    }),
  );
});

it("a run that does not fit is rejected with numbers and a remedy that helps", () => {
  let refused = 0;
  fc.assert(
    fc.property(sizes, ({ devices, settings }) => {
      const config = cut(resolveConfig("shapes", settings), devices);
      try {
        checkMemory(config, devices);
        expect(deviceBytes(config, devices, devices)).toBeLessThanOrEqual(HEAP_BYTES);
      } catch (error) {
        refused++;
        const { message } = error as Error;
        expect(message).toMatch(
          /a step needs about [\d.]+ GiB on .* with a batch of \d+ in \d+ shards, .* 4\.0 GiB; use /,
        );
        const option = (name: string): number => Number(new RegExp(`--${name} (\\d+)`).exec(message)?.[1]);
        if (message.includes("smaller model")) return;
        const better = cut(config, option("shards"), option("batch") || config.train.batch);
        expect(() => checkMemory(better, option("devices") || devices)).not.toThrow();
      }
    }),
  );
  expect(refused).toBeGreaterThan(10);
});

it.each([
  [["model.image.imageSize=1024", "model.image.patchSize=1"], /an image is 1048576 tokens: together \d+ GiB/],
  [["model.image.width=8192", "model.image.depth=64"], /parameters/],
])("a model too large to embed a single pair is rejected as a configuration: %j", (settings, says) => {
  expect(() => resolveConfig("shapes", settings)).toThrow(says);
});

describe("out of memory", () => {
  it("because of the request is a configuration error; otherwise a device has failed", () => {
    const full = new DeviceError(0, "full", { cause: new OutOfMemoryError("full") });
    const system = new DeviceError(0, "none", { cause: new SystemMemoryError("none") });
    expect([full, system].map(exitCodeOf)).toEqual([EXIT.usage, EXIT.workerDied]);
    expect(isExpected(new SystemMemoryError("none"))).toBe(true);
  });

  const LIMITED =
    "Max cpu time  unlimited\nMax address space         4096000000           unlimited            bytes\n";
  const UNLIMITED = "Max address space         unlimited            unlimited            bytes\n";
  it("under a limit on the address space names the limit", () => {
    expect(addressLimit(LIMITED)).toBe(4_096_000_000);
    expect(addressLimit(UNLIMITED)).toBeUndefined();
    const error = new DeviceError(0, "none", { cause: new SystemMemoryError("none") });
    expect(addressSpaceHint(error, () => LIMITED)).toMatch(/limited to 3\.8 GiB \(ulimit -v\)/);
    expect(addressSpaceHint(error, () => UNLIMITED)).toBe("");
    expect(addressSpaceHint(new Error("another"), () => LIMITED)).toBe("");
  });
});

describe("siglip train --dry-run", { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "siglip-dry-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const dry = (...args: string[]) =>
    siglip(["train", "--dry-run", ...args, "--out", join(folder, "run")], undefined, [], folder);

  it("says parameters, memory, steps, devices, shards, time and files, and writes nothing", async () => {
    const { code, stdout, stderr } = await dry(...TINY, "--devices", "2", "--json");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      texts: 12_800,
      cutTexts: 0,
      parameters: expect.any(Number),
      memoryBytes: expect.any(Number),
      steps: 2000,
      devices: 2,
      shards: 2,
      seconds: expect.any(Number),
      checkpointBytes: expect.any(Number),
      files: ["config.json", "metrics.jsonl", "checkpoint/", "journal.jsonl", "report.html"].map((name) =>
        join(folder, "run", name),
      ),
    });
    const { seconds, parameters, checkpointBytes } = JSON.parse(stdout);
    expect(seconds).toBeGreaterThan(0);
    expect(checkpointBytes).toBeGreaterThanOrEqual(3 * 4 * parameters); // AdamW keeps two moments
    const text = await dry("--preset", "emoji-paper", "--devices", "1");
    expect(text.stdout).toMatch(/^texts +1,594, 30 longer than the 9 tokens that are read\nparameters +333,826\nmemory +about \d+ MiB\nsteps +14,031\ndevices +1\nshards +2\ntime +about .* for the steps, by .* of \d+ random pairs.*\ncheckpoint +[\d.]+ MiB each\nfiles\n( {2}\/.*\/run\/.*\n){5}$/); // biome-ignore format: one pattern
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [
      ["--batch", "128", "--devices", "2", "--shards", "2", ...VIT_S.flatMap((key) => ["--set", key])],
      /use --shards 16/,
    ],
    [["--batch", "18000"], /train\.batch = 18000 is more than/],
    [["--deadline", "0"], /--deadline 0 is not a number of seconds/],
    [["--resume"], /leave out --resume/],
  ])("rejects what a run would reject: %j", async (args, says) => {
    const { code, stderr } = await dry("--preset", "shapes", ...args);
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });
});
