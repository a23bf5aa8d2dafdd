/** Measures of a training's health against direct computation, and that measuring changes nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdamW, freeze, parametersOf } from "../../src/nn/index.ts";
import { alone } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { pairHealth } from "../../src/siglip/health.ts";
import {
  batchGradients,
  type Health,
  type LossForm,
  type LossName,
  type PairBatch,
  type SigLip,
  type Spread,
  type StepMetrics,
  trainingLosses,
  trainStep,
  withSameName,
} from "../../src/siglip/index.ts";
import { groupPairs, heap, type PairGroups, Rng, scope, tensor } from "../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { biases, seeds, tPrimes, unitRows } from "../support/generators.ts";
import type { Pairs } from "../support/referenceLoss.ts";
import { tinyBatch, tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

const spreadOf = (values: readonly number[]): Spread => ({
  min: values.reduce((a, b) => Math.min(a, b)),
  mean: values.reduce((a, b) => a + b) / values.length,
  max: values.reduce((a, b) => Math.max(a, b)),
});
const numbersOf = ({ min, mean, max }: Spread): number[] => [min, mean, max];

/** The logits of all pairs of an image and a text, in f64: of those that match, and of the others, but for masked ones. */
function logitsOf({ n, d, x, y, tPrime, b }: Pairs, groups?: PairGroups): { positives: number[]; negatives: number[] } {
  const [positives, negatives, masked]: number[][] = [[], [], []];
  const same = groups?.as === "positive" ? positives : masked;
  const views = x.length / y.length;
  for (let i = 0; i < views * n; i++) {
    for (let j = 0; j < n; j++) {
      let dot = 0;
      for (let k = 0; k < d; k++) dot += x[i * d + k] * y[j * d + k];
      const pair = Math.floor(i / views);
      const kind = pair === j ? positives : groups?.of[pair] === groups?.of[j] && groups ? same : negatives;
      kind.push(Math.exp(tPrime) * dot + b);
    }
  }
  return { positives, negatives };
}

/** The same measure on every rank of `size` devices. */
function measured({ d, x, y, tPrime, b }: Pairs, size: number, shards: number, groups?: PairGroups) {
  const all = lockstep(size, (comm) => {
    const own = (rows: Float64Array) => tensor(rows.subarray((comm.rank * rows.length) / size, ((comm.rank + 1) * rows.length) / size), [rows.length / d / size, d], "f64"); // biome-ignore format: a line
    const lengths = (factor: number) => Array.from({ length: shards / size }, (_, i) => factor * (1 + i + (comm.rank * shards) / size)); // biome-ignore format: a line
    const embedded = { zimg: own(x), ztxt: own(y), lengths: { image: lengths(1), text: lengths(2) } };
    return pairHealth(embedded, Math.exp(tPrime), b, comm, groups);
  });
  for (const each of all) expect(each).toEqual(all[0]);
  return all[0];
}

describe("pairHealth", () => {
  const cuts = fc.record({
    size: fc.constantFrom(1, 2, 4),
    more: fc.integer({ min: 1, max: 3 }),
    rows: fc.integer({ min: 1, max: 4 }),
    views: fc.constantFrom(1, 2),
    d: fc.integer({ min: 1, max: 20 }),
    tPrime: tPrimes,
    b: biases,
    seed: seeds,
  });
  const cases = cuts.map(({ size, more, rows, views, d, seed, ...logit }) => {
    const [n, rng] = [4 * more * rows, new Rng(seed)];
    const pairs: Pairs = {
      n,
      d,
      x: unitRows(rng.split("x"), views * n, d),
      y: unitRows(rng.split("y"), n, d),
      ...logit,
    };
    return { pairs, size, shards: 4 * more };
  });

  it("is the least, the mean and the greatest of the logits of all pairs, on any devices", () => {
    fc.assert(
      fc.property(cases, ({ pairs, size, shards }) => {
        const { positives, negatives, embeddingNorm } = measured(pairs, size, shards);
        const expected = logitsOf(pairs);
        const bound = 1e-12 * (Math.exp(pairs.tPrime) * pairs.d + Math.abs(pairs.b));
        expectWithin(numbersOf(positives), numbersOf(spreadOf(expected.positives)), bound, "positives");
        expectWithin(numbersOf(negatives as Spread), numbersOf(spreadOf(expected.negatives)), bound, "negatives");
        const total = (shards * (shards + 1)) / 2;
        expect(embeddingNorm).toEqual({ image: total / (pairs.x.length / pairs.d), text: (2 * total) / pairs.n });
      }),
    );
  });

  it.each([
    [1, 1],
    [2, 1],
    [2, 2],
  ])("takes shards of more than a tile apart, on %i devices with %i views", (size, views) => {
    const [n, d] = [620, 3];
    const pairs = { n, d, x: unitRows(new Rng(1), views * n, d), y: unitRows(new Rng(2), n, d), tPrime: 1, b: -3 };
    const { positives, negatives } = measured(pairs, size, 2);
    const expected = logitsOf(pairs);
    expectWithin(numbersOf(positives), numbersOf(spreadOf(expected.positives)), 1e-12);
    expectWithin(numbersOf(negatives as Spread), numbersOf(spreadOf(expected.negatives)), 1e-12);
  });

  it.each(["masked", "positive"] as const)(
    "takes pairs of equal texts as %s, on any devices with the same bits",
    (as) => {
      fc.assert(
        fc.property(cases, fc.integer({ min: 1, max: 6 }), ({ pairs, shards }, names) => {
          const groups = groupPairs(Int32Array.from({ length: pairs.n }, (_, i) => new Rng(names).split(i).integer(names)), as); // biome-ignore format: a line
          const { positives, negatives } = measured(pairs, 1, shards, groups);
          for (const size of [2, 4]) {
            expect(measured(pairs, size, shards, groups)).toEqual(measured(pairs, 1, shards, groups));
          }
          const expected = logitsOf(pairs, groups);
          const bound = 1e-12 * (Math.exp(pairs.tPrime) * pairs.d + Math.abs(pairs.b)) * pairs.n;
          expectWithin(numbersOf(positives), numbersOf(spreadOf(expected.positives)), bound, "positives");
          expect(negatives === undefined).toBe(expected.negatives.length === 0);
          if (negatives)
            expectWithin(numbersOf(negatives), numbersOf(spreadOf(expected.negatives)), bound, "negatives");
        }),
        { numRuns: 30 },
      );
    },
  );

  it("has the same bits with groups of one row each as without", () => {
    const [n, d] = [16, 3];
    const pairs = { n, d, x: unitRows(new Rng(1), 2 * n, d), y: unitRows(new Rng(2), n, d), tPrime: 1, b: -3 };
    const each = groupPairs(
      Int32Array.from({ length: n }, (_, i) => i),
      "masked",
    );
    expect(measured(pairs, 2, 4, each)).toEqual(measured(pairs, 2, 4));
  });

  it("has no negatives in a batch of one", () => {
    const pair = { n: 1, d: 2, x: Float64Array.of(1, 0), y: Float64Array.of(0.6, 0.8), tPrime: 0, b: 1 };
    expect(measured(pair, 1, 1)).toEqual({
      positives: { min: 1.6, mean: 1.6, max: 1.6 },
      embeddingNorm: { image: 1, text: 2 },
    });
  });

  it("stores no matrix of all pairs", () => {
    scope(() => {
      const [n, d] = [4096, 2];
      const z = tensor(unitRows(new Rng(1), n, d), [n, d]);
      const before = heap.liveBytes;
      heap.peakBytes = before;
      pairHealth({ zimg: z, ztxt: z, lengths: { image: [n], text: [n] } }, 1, 0, alone);
      expect(heap.peakBytes - before).toBeLessThan((n * n * 4) / 20); // mostly panels of the matrix product
    });
  });
});

const BATCH = 8;
const weights = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => Array.from(value.toArray()));

/** Some steps of the tiny model on `size` devices with four shards: metrics and final weights of rank 0. */
function trained(
  size: number,
  measure: boolean,
  loss: LossName = "sigmoid",
): { steps: StepMetrics[]; numbers: number[] } {
  const [first, ...others] = lockstep(size, (comm) => {
    const model = tinyModel();
    const parameters = parametersOf(model);
    if (loss === "softmax") parameters.delete("b");
    const trainee = { model, optimizer: new AdamW(parameters, { lr: 1e-2, clipNorm: 1 }), loss: trainingLosses[loss] };
    const steps = [0, 1].map((index) => {
      const { images, imageShape, tokens } = tinyBatch(BATCH, index);
      const part = <A extends Float32Array | Int32Array>(all: A): A => all.subarray((comm.rank * all.length) / size, ((comm.rank + 1) * all.length) / size) as A; // biome-ignore format: a line
      const own: PairBatch = { images: part(images), imageShape: [BATCH / size, ...imageShape.slice(1)], tokens: part(tokens) }; // biome-ignore format: a line
      return trainStep(trainee, own, 1, { comm, shards: 4, measure });
    });
    return { steps, numbers: weights(model) };
  });
  for (const other of others) expect(other.steps).toEqual(first.steps);
  return first;
}

describe("a measured step", { timeout: 60_000 }, () => {
  it.each(["sigmoid", "softmax"] as const)("of the %s loss leaves the same weights as any other", (loss) => {
    const [plain, measured] = [trained(1, false, loss), trained(1, true, loss)];
    expectSameBits(measured.numbers, plain.numbers);
    expect(measured.steps.map(({ health, ...rest }) => rest)).toEqual(plain.steps);
  });

  it.each([2, 4])("has the same health on %i devices as on one, bit for bit", (size) => {
    const [one, several] = [trained(1, true), trained(size, true)];
    expect(one.steps.every(({ health }) => health?.negatives)).toBe(true);
    expect(several.steps).toEqual(one.steps);
    expectSameBits(several.numbers, one.numbers);
  });

  /** One step of the tiny model, measured, and what a direct computation needs. */
  function step(loss: LossName = "sigmoid", activationBytes = Number.POSITIVE_INFINITY) {
    const model = tinyModel();
    const parameters = parametersOf(model);
    const optimized = new Map(parameters);
    if (loss === "softmax") optimized.delete("b");
    const batch = tinyBatch(BATCH);
    const before = new Map([...parameters].map(([path, { value }]) => [path, Array.from(value.data)]));
    const embedded = scope(() => {
      const images = tensor(batch.images, batch.imageShape);
      const raw = { image: model.image.forward(images).value, text: model.text.forward(batch.tokens).value };
      const [x, y] = [model.embedImages(images).value, model.embedTexts(batch.tokens).value];
      const numbers = (z: typeof x) => Float64Array.from(z.data);
      const b = loss === "softmax" ? 0 : model.b.value.item();
      const pairs = { n: BATCH, d: x.shape[1], x: numbers(x), y: numbers(y), tPrime: model.tPrime.value.item(), b };
      return { pairs, image: numbers(raw.image), text: numbers(raw.text) };
    });
    const gradients = scope(() => {
      batchGradients(model, trainingLosses[loss], batch, {});
      return new Map([...parameters].map(([path, { grad }]) => [path, Array.from(grad?.data ?? [])]));
    });
    for (const parameter of parameters.values()) parameter.grad = undefined;
    const optimizer = new AdamW(optimized, { lr: 1e-2, weightDecay: 1e-3, clipNorm: 0.5 });
    const trainee = { model, optimizer, loss: trainingLosses[loss] };
    const health = trainStep(trainee, batch, 0.5, { shards: 1, measure: true, activationBytes }).health as Health;
    return { parameters, before, embedded, gradients, health };
  }

  const norm = (values: Iterable<number>): number => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0));
  const of = (tower: string, all: ReadonlyMap<string, readonly number[]>): number =>
    norm([...all].filter(([path]) => path.startsWith(tower)).flatMap(([, values]) => values));

  it("has the norms of gradients before clipping, of the update, and of the parameters after it", () => {
    const { parameters, before, gradients, health } = step();
    const after = new Map([...parameters].map(([path, { value }]) => [path, Array.from(value.data)]));
    const moved = new Map([...after].map(([path, values]) => [path, values.map((x, i) => x - before.get(path)![i])]));
    for (const [name, tower] of [
      ["image", "image/"],
      ["text", "text/"],
    ] as const) {
      // biome-ignore format: pairs
      expect(health.gradNorm[name]).toBeCloseTo(of(tower, gradients), 4);
      expect(health.updateNorm[name]).toBeCloseTo(of(tower, moved), 12);
      expect(health.paramNorm[name]).toBeCloseTo(of(tower, after), 10);
      expect(health.updateNorm[name]).toBeGreaterThan(0);
    }
    expect(health.updateNorm.all).toBeCloseTo(of("", moved), 12);
    expect(health.paramNorm.all).toBeCloseTo(of("", after), 10);
  });

  it.each(["sigmoid", "softmax"] as const)("has the logits and lengths of its batch, with the %s loss", (loss) => {
    for (const activationBytes of [0, Number.POSITIVE_INFINITY]) {
      const { embedded, health } = step(loss, activationBytes);
      const { positives, negatives } = logitsOf(embedded.pairs);
      expectWithin(numbersOf(health.positives as Spread), numbersOf(spreadOf(positives)), 1e-5);
      expectWithin(numbersOf(health.negatives as Spread), numbersOf(spreadOf(negatives)), 1e-5);
      const d = embedded.pairs.d;
      for (const tower of ["image", "text"] as const) {
        const lengths = Array.from({ length: BATCH }, (_, i) => norm(embedded[tower].subarray(i * d, (i + 1) * d)));
        expect(health.embeddingNorm[tower]).toBeCloseTo(lengths.reduce((a, b) => a + b) / BATCH, 5);
      }
    }
  });

  it("counts pairs of equal texts as the loss does: as negatives, as positives, or not at all", () => {
    const groups = Int32Array.of(0, 0, 2, 2, 2, 5, 6, 7); // 2 + 6 pairs of equal texts
    const health = (loss: LossForm): Health => {
      const model = tinyModel();
      const trainee = { model, optimizer: tinyOptimizer(model), loss };
      return trainStep(trainee, { ...tinyBatch(BATCH), groups }, 0.5, { measure: true }).health as Health;
    };
    const negative = health(trainingLosses.sigmoid);
    const [mask, positive] = (["mask", "positive"] as const).map((as) => health(withSameName(trainingLosses.sigmoid, as))); // biome-ignore format: a line
    expect(mask.positives).toEqual(negative.positives);
    expect(mask.negatives).toEqual(positive.negatives);
    const sum = ({ positives, negatives }: Health, count: number) =>
      count * positives!.mean + (64 - count) * negatives!.mean;
    expect(sum(positive, 16)).toBeCloseTo(sum(negative, 8), 10);
    expect(mask.negatives?.mean).not.toBe(negative.negatives?.mean);
  });

  it("of a model with a frozen tower has no gradient and no update of it, but its parameters", () => {
    const model = tinyModel();
    freeze(parametersOf(model), ["image/.*"]);
    const trainee = { model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid };
    const health = trainStep(trainee, tinyBatch(BATCH), 1, { measure: true }).health as Health;
    expect([health.gradNorm.image, health.updateNorm.image]).toEqual([0, 0]);
    expect(health.paramNorm.image).toBeGreaterThan(0);
    expect(health.gradNorm.text).toBeGreaterThan(0);
  });

  it("frees all memory that it took", () => {
    const model = tinyModel();
    const trainee = { model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid };
    trainStep(trainee, tinyBatch(BATCH), 1);
    const { liveBytes, liveBlocks } = heap;
    trainStep(trainee, tinyBatch(BATCH), 1, { shards: 2, measure: true });
    expect([heap.liveBytes, heap.liveBlocks]).toEqual([liveBytes, liveBlocks]);
  });
});
