/** Saving a run: when, what is never saved, faults of the disk, and what an acknowledged save has on the disk. */
import { describe, expect, it } from "vitest";
import { EXIT, exitCodeOf } from "../../src/cli/exitCodes.ts";
import { type JsonRecord, jsonText } from "../../src/formats/index.ts";
import { NonFiniteError } from "../../src/nn/index.ts";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { MetricsLog, readMetrics, rewindMetrics } from "../../src/run/metrics.ts";
import { Saver } from "../../src/run/saver.ts";
import {
  checkpointOf,
  firstNonFinite,
  flopsOf,
  metricsOf,
  restore,
  shared,
  tensorsOf,
} from "../../src/run/trainingState.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { DIGEST } from "../support/checkpoints.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";
import { tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

const RUN = "/run";
const CHECKPOINTS = "/run/checkpoint";

interface Given {
  readonly fs?: SimulatedFs;
  readonly minutes?: number;
}

/** A run in training, on a simulated disk and clock. */
function training({ fs = new SimulatedFs([CHECKPOINTS], 100_000), minutes = 5 }: Given = {}) {
  const model = tinyModel();
  const optimizer = tinyOptimizer(model);
  const clock = { ms: 0 };
  const said: string[] = [];
  const log = new MetricsLog(RUN, fs, (warning) => said.push(warning));
  const checkpoints = new CheckpointFolder(CHECKPOINTS, { keep: 2, fs });
  const saver = new Saver({
    checkpoints,
    digest: DIGEST,
    model,
    optimizer,
    tokenizer: byteTokenizer,
    log,
    minutes,
    say: (message) => said.push(message),
    now: () => clock.ms,
  });
  return { fs, model, optimizer, clock, said, log, checkpoints, saver };
}

const newest = (fs: SimulatedFs) => new CheckpointFolder(CHECKPOINTS, { keep: 2, fs }).load(DIGEST);
const stepsOn = (fs: SimulatedFs): number[] =>
  fs
    .list(CHECKPOINTS)
    .filter((name) => name.endsWith(".manifest.json"))
    .map((name) => Number(/-step-(\d+)/.exec(name)![1]))
    .sort((a, b) => a - b);

/** Bytes of one checkpoint of this model. */
const SIZE = (() => {
  const { saver, fs } = training();
  saver.save(1, false);
  return fs.usedBytes();
})();

describe("a save", () => {
  it("is due when the configured minutes have passed since the last one", () => {
    const { saver, clock } = training({ minutes: 2 });
    expect(saver.isDue).toBe(false);
    clock.ms = 119_999;
    expect(saver.isDue).toBe(false);
    clock.ms = 120_000;
    expect(saver.isDue).toBe(true);
    saver.save(7, false);
    expect(saver.isDue).toBe(false);
    clock.ms += 120_000;
    expect(saver.isDue).toBe(true);
  });

  it("that failed is due again after as many minutes, not at every step", () => {
    const { saver, clock, fs } = training({ minutes: 2 });
    fs.capacity = 0;
    clock.ms = 120_000;
    expect(saver.save(7, false)).toBe(false);
    expect(saver.isDue).toBe(false);
  });

  it("says whether it is on the disk", () => {
    const { saver, fs } = training();
    expect(saver.save(1, false)).toBe(true);
    fs.faultAt = (_, name) => (name === "sync" ? "EIO" : undefined);
    expect(saver.save(2, false)).toBe(false);
    fs.faultAt = () => undefined;
    expect(newest(fs)?.step).toBe(1);
  });

  it("holds the mean loss of the steps since the save before", () => {
    const { saver, fs } = training();
    for (const loss of [1, 2, 6]) saver.saw(loss);
    saver.save(3, false);
    expect(newest(fs)?.trainLoss).toBe(3);
    saver.saw(5);
    saver.save(4, false);
    expect(newest(fs)?.trainLoss).toBe(5);
    saver.save(5, false);
    expect(newest(fs)?.trainLoss).toBe(undefined);
  });
});

describe("a number that is NaN or infinite", () => {
  it.each([
    ["model/b", Number.NaN],
    ["optimizer/tPrime/v", Number.POSITIVE_INFINITY],
    ["optimizer/b/m", Number.NEGATIVE_INFINITY],
  ])("in %s is never saved, and is named", (name, value) => {
    const { saver, model, optimizer, fs } = training();
    saver.save(1, false);
    const { data } = tensorsOf(model, optimizer).get(name)!;
    data[data.length - 1] = value;
    let thrown: unknown;
    try {
      saver.save(2, false);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(NonFiniteError);
    expect((thrown as Error).message).toContain(`${name} holds NaN or infinity after step 2`);
    expect(exitCodeOf(thrown)).toBe(EXIT.nonFinite);
    expect(stepsOn(fs)).toEqual([1]);
  });

  it("is found in any place, and finite numbers are not mistaken for one", () => {
    const tensor = (...numbers: number[]) => ({ data: Float32Array.from(numbers) });
    expect(firstNonFinite([["a", tensor(0, -0, 3.4e38, 1e-45)], ["b", tensor()]])).toBe(undefined); // biome-ignore format: pairs
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(firstNonFinite([["a", tensor(1, 2)], ["b", tensor(1, 2, bad)], ["c", tensor(bad)]])).toBe("b"); // biome-ignore format: pairs
    }
  });
});

describe("a training that diverges", () => {
  it("does not push out the checkpoint with the lowest loss", () => {
    const { saver, fs } = training();
    const losses = [4, 2, 3, 900, 5000, 8e14];
    losses.forEach((loss, i) => {
      saver.saw(loss);
      saver.save(i + 1, false);
    });
    expect(stepsOn(fs)).toEqual([2, 5, 6]);
  });

  it("keeps only the newest if the loss falls", () => {
    const { saver, fs } = training();
    for (const loss of [4, 3, 2, 1]) {
      saver.saw(loss);
      saver.save(5 - loss, false);
    }
    expect(stepsOn(fs)).toEqual([3, 4]);
  });

  it("that is resumed still knows the lowest loss, and replaces it by a lower one", () => {
    const { fs, saver } = training();
    for (const [i, loss] of [1, 7, 8].entries()) {
      saver.saw(loss);
      saver.save(i + 1, false);
    }
    const next = training({ fs }).saver;
    next.saw(9);
    next.save(4, false);
    expect(stepsOn(fs)).toEqual([1, 3, 4]);
    next.saw(0.5);
    next.save(5, false);
    expect(stepsOn(fs)).toEqual([4, 5]);
  });
});

describe("a disk that is full", () => {
  it("fails three saves in a row before it ends the run; a successful save resets the count", () => {
    const { saver, fs, said } = training();
    const full = (isFull: boolean): void => {
      fs.capacity = isFull ? fs.usedBytes() : Number.POSITIVE_INFINITY;
    };
    for (const [step, isFull] of [true, true, false, true, true].entries()) {
      full(isFull);
      expect(saver.save(step + 1, false)).toBe(!isFull);
    }
    expect(said.filter((line) => line.includes("the next checkpoint tries again"))).toHaveLength(4);
    expect(() => saver.save(6, false)).toThrow("CKPT_NO_SPACE");
  });

  it("ends the run at the last save", () => {
    const { saver, fs } = training();
    fs.capacity = 0;
    expect(() => saver.save(1, true)).toThrow("CKPT_NO_SPACE");
  });

  it.each([
    ["a new run needs room for those that are kept and the next", [], 3],
    ["with one checkpoint, for two", [1], 2],
    ["with two, for one more", [1, 2], 1],
    ["with an older one of low loss beside them, for one more", [1, 2, 3], 1],
  ])("is foreseen: %s", (_, saved, times) => {
    const { saver, fs, model, optimizer } = training();
    for (const step of saved) {
      saver.saw(step);
      saver.save(step, false);
    }
    const bytes = [...tensorsOf(model, optimizer).values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    fs.capacity = fs.usedBytes() + times * bytes;
    expect(() => saver.requireSpace()).not.toThrow();
    fs.capacity--;
    expect(() => saver.requireSpace()).toThrow("CKPT_NO_SPACE");
  });

  it("has room for the estimated save, with some margin for data that is not tensors", () => {
    const { saver, fs } = training();
    saver.save(1, false);
    saver.save(2, false);
    fs.capacity = fs.usedBytes() + SIZE;
    expect(saver.save(3, false)).toBe(true);
  });
});

describe("what was measured before a save", () => {
  it("is on the disk once the save is, whatever a power cut does", () => {
    let seed = 1;
    const choose = (n: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const rows = [{ step: 1, loss: 3 }, { step: 2, loss: 2 }]; // biome-ignore format: a row each
    for (let sample = 0; sample < 40; sample++) {
      const { saver, fs, log } = training();
      for (const row of rows) log.append(row);
      saver.save(2, false);
      const after = fs.afterPowerCut(choose);
      expect(newest(after)?.step).toBe(2);
      expect(readMetrics(RUN, after)).toEqual({ rows, unreadable: 0 });
    }
  });

  it("is in the checkpoint if its file cannot be written, and comes back when the run is resumed", () => {
    const { saver, fs, log, said } = training();
    log.append({ step: 1, loss: 3 });
    saver.save(1, false);
    let isBroken = true; // the file of metrics, not the checkpoint
    const { write } = fs;
    fs.write = (file, bytes) => {
      if (isBroken && bytes[0] === "{".charCodeAt(0) && bytes.length < 60) throw Object.assign(new Error("EDQUOT"), { code: "EDQUOT" }); // biome-ignore format: one condition
      return write.call(fs, file, bytes);
    };
    for (const step of [2, 3]) log.append({ step, loss: 1 / step });
    expect(saver.save(3, true)).toBe(true);
    expect(said).toEqual([
      expect.stringMatching(/^metrics: \/run\/metrics\.jsonl cannot be written \(EDQUOT; \d+ bytes needed, \S+ free\); make room/),
      expect.stringContaining("2 lines of metrics are only in the checkpoint"),
    ]); // biome-ignore format: a line each
    isBroken = false;
    const after = fs.afterKill();
    const found = newest(after)!;
    rewindMetrics(RUN, found.step, after, metricsOf(found));
    expect(readMetrics(RUN, after).rows.map(({ step }) => step)).toEqual([1, 2, 3]);
    rewindMetrics(RUN, found.step, after, metricsOf(found));
    expect(readMetrics(RUN, after).rows.map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  it("is in every later checkpoint after a sync that failed, since a later one may succeed without it", () => {
    const { saver, fs, log } = training();
    let syncs = 0;
    fs.faultAt = (_, name) => (name === "sync" && syncs++ === 0 ? "EIO" : undefined);
    log.append({ step: 1, loss: 3 });
    saver.save(1, false);
    log.append({ step: 2, loss: 2 });
    saver.save(2, false);
    expect(metricsOf(newest(fs)!)).toHaveLength(2);
  });
});

describe("a checkpoint in shared memory", () => {
  it("restores the same bits, and all receivers share its numbers", () => {
    const { model, optimizer } = training();
    optimizer.count = 5;
    const checkpoint = checkpointOf(5, model, optimizer, byteTokenizer);
    const handed = structuredClone(shared(checkpoint));
    for (const { data } of handed.tensors.values()) {
      expect((data as Float32Array).buffer).toBeInstanceOf(SharedArrayBuffer);
    }
    const other = tinyModel();
    const otherOptimizer = tinyOptimizer(other);
    for (const { data } of tensorsOf(other, otherOptimizer).values()) data.fill(7);
    restore(handed, other, otherOptimizer);
    expect(otherOptimizer.count).toBe(5);
    expect(checkpointOf(5, other, otherOptimizer, byteTokenizer)).toEqual(checkpoint);
  });

  it("knows the operations of all steps so far, unless it or one before it is older than their count", () => {
    const { model, optimizer } = training();
    const saved = (flops: number) =>
      checkpointOf(5, model, optimizer, byteTokenizer, [], { pending: { steps: 0, clipped: 0 }, flops });
    const { flops, ...older } = saved(7).meta as JsonRecord;
    expect(flops).toBe(7);
    expect(flopsOf(shared(saved(1.5e15)))).toBe(1.5e15);
    expect(flopsOf({ ...shared(saved(7)), meta: older })).toBeNaN();
    expect(flopsOf(shared(saved(Number.NaN)))).toBeNaN();
    expect(() => jsonText(saved(Number.NaN).meta)).not.toThrow(); // JSON has no NaN
  });

  it.each([-1, 1.5, 1e25, "5", null])("is rejected if its number of updates is %j", (updates) => {
    const { model, optimizer } = training();
    const checkpoint = checkpointOf(5, model, optimizer, byteTokenizer);
    expect(() => restore({ ...checkpoint, meta: { updates } }, model, optimizer)).toThrow(/updates.*CKPT_CONFIG/);
  });
});
