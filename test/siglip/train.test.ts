import { describe, expect, it } from "vitest";
import { AdamW, OptimizerError, parametersOf } from "../../src/nn/index.ts";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import {
  type LossName,
  NonFiniteError,
  type SigLip,
  train,
  trainingLosses,
  trainStep,
} from "../../src/siglip/index.ts";
import { heap } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { tinyBatch, tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

const B = 4;
const numbersOf = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => Array.from(value.toArray()));

function trained(steps: number, loss: LossName = "sigmoid"): { losses: number[]; numbers: number[] } {
  const model = tinyModel();
  const optimizer = tinyOptimizer(model);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push(trainStep({ model, optimizer, loss: trainingLosses[loss] }, tinyBatch(B, step % 3), 1).loss);
  }
  return { losses, numbers: numbersOf(model) };
}

describe("trainStep", () => {
  it("learns: the loss of three batches seen again and again falls", () => {
    const { losses } = trained(45);
    expect(Math.max(...losses.slice(-3))).toBeLessThan(0.5 * Math.min(...losses.slice(0, 3)));
  });

  it("gives the same bits twice", () => {
    const [one, two] = [trained(8), trained(8)];
    expectSameBits(one.losses, two.losses, "losses");
    expectSameBits(one.numbers, two.numbers, "parameters");
  });

  it("gives the same bits when all freed memory is filled with NaN", () => {
    const clean = trained(8);
    heap.poison = true;
    try {
      const poisoned = trained(8);
      expectSameBits(poisoned.losses, clean.losses, "losses");
      expectSameBits(poisoned.numbers, clean.numbers, "parameters");
    } finally {
      heap.poison = false;
    }
  });

  it("reports t, b and the loss from before its update", () => {
    const model = tinyModel();
    const optimizer = tinyOptimizer(model);
    const first = trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
    expect(first.t).toBeCloseTo(10, 5);
    expect(first.b).toBe(-10);
    expect(first.gradNorm).toBeGreaterThan(0);
    const second = trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
    expect(second.b).not.toBe(-10);
  });

  it("moves nothing at factor 0", () => {
    const model = tinyModel();
    const before = numbersOf(model);
    trainStep({ model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid }, tinyBatch(B), 0);
    expectSameBits(numbersOf(model), before);
  });

  describe("with a loss that is not finite", () => {
    const cases: readonly [name: string, spoil: (model: SigLip, pixels: Float32Array) => void][] = [
      ["a NaN pixel", (_, pixels) => pixels.fill(Number.NaN, 7, 8)],
      ["an infinite pixel", (_, pixels) => pixels.fill(Number.POSITIVE_INFINITY, 7, 8)],
      ["a NaN weight", (model) => model.text.head!.kernel.value.data.fill(Number.NaN, 0, 1)],
      ["a t′ whose exponential overflows", (model) => model.tPrime.value.data.fill(800)],
      ["an infinite b", (model) => model.b.value.data.fill(Number.POSITIVE_INFINITY)],
    ];
    it.each(cases)("throws NonFiniteError and updates nothing: %s", (_, spoil) => {
      const model = tinyModel();
      const optimizer = tinyOptimizer(model);
      const batch = tinyBatch(B);
      spoil(model, batch.images);
      const before = numbersOf(model);
      expect(() => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 1)).toThrow(NonFiniteError);
      expectSameBits(numbersOf(model), before);
      expect(optimizer.count).toBe(0);
    });

    it("names the loss, t and b", () => {
      const model = tinyModel();
      const { images, ...rest } = tinyBatch(B);
      const batch = { images: images.fill(Number.NaN), ...rest };
      expect(() =>
        trainStep({ model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid }, batch, 1),
      ).toThrow(/^train: the loss is NaN at t = (10|9\.99)\d*\.?\d*, b = -10; nothing was updated$/);
    });

    it("frees all memory and trains on with the next batch as if nothing had happened", () => {
      const model = tinyModel();
      const optimizer = tinyOptimizer(model);
      const step = (images?: Float32Array) =>
        trainStep(
          { model, optimizer, loss: trainingLosses.sigmoid },
          { ...tinyBatch(B), ...(images && { images }) },
          1,
        );
      const other = tinyModel();
      const expected = trainStep(
        { model: other, optimizer: tinyOptimizer(other), loss: trainingLosses.sigmoid },
        tinyBatch(B),
        1,
      );
      const { liveBytes, liveBlocks } = heap;
      expect(() => step(tinyBatch(B).images.fill(Number.NaN))).toThrow(NonFiniteError);
      expect([heap.liveBytes, heap.liveBlocks]).toEqual([liveBytes, liveBlocks]);
      expect(step().loss).toBe(expected.loss);
      expectSameBits(numbersOf(model), numbersOf(other));
    });
  });

  describe("with a temperature of 0 or ∞", () => {
    it.each([
      [-33_779, "0"],
      [-104, "0"],
      [89, "Infinity"],
      [800, "Infinity"],
      [Number.NaN, "NaN"],
    ])("refuses to begin at t′ = %d, though the loss may be a number", (tPrime, t) => {
      const model = tinyModel();
      model.tPrime.value.data.fill(tPrime);
      const before = numbersOf(model);
      const step = () =>
        trainStep({ model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
      expect(step).toThrow(NonFiniteError);
      expect(step).toThrow(`t′ is ${tPrime} before the update, and t = exp t′ is ${t} in f32; lower the learning rate`);
      expectSameBits(numbersOf(model), before);
    });

    it("throws at the update that leads to it, so that no checkpoint holds it", () => {
      const model = tinyModel();
      const optimizer = new AdamW(parametersOf(model), { lr: 1e4, multipliers: [{ match: "tPrime", lr: 1 }] });
      const step = () => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
      expect(step).toThrow(/^train: t′ is -?\d[\d.]+ after the update, and t = exp t′ is (0|Infinity) in f32/);
    });

    it("accepts every t that f32 can hold", () => {
      for (const tPrime of [-87, -20, 0, 20]) {
        const model = tinyModel();
        model.tPrime.value.data.fill(tPrime);
        const { t } = trainStep(
          { model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid },
          tinyBatch(B),
          1,
        );
        expect(t! / Math.exp(tPrime)).toBeCloseTo(1, 5);
      }
    });
  });

  it("throws NonFiniteError and updates nothing if the loss is finite and a gradient is not, then trains on", () => {
    const model = tinyModel();
    const optimizer = tinyOptimizer(model);
    const step = () => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
    // t = 8e36: every loss is finite in float32. Embeddings of length 1e-4 make gradients 10⁴ times larger: these are not.
    const head = model.text.head!.kernel.value.data;
    const stretch = (factor: number) => head.set(head.map((value) => value * factor));
    model.tPrime.value.data.fill(85);
    stretch(1e-4);
    const before = numbersOf(model);
    expect(step).toThrow(NonFiniteError);
    expect(step).toThrow(/^adamW: the gradient of text\/\S+ is not finite; nothing was updated$/);
    expectSameBits(numbersOf(model), before);
    expect(optimizer.count).toBe(0);
    model.tPrime.value.data.fill(2);
    stretch(1e4);
    expect(step().gradNorm).toBeGreaterThan(0);
  });

  it("at a runaway t′ either updates to finite numbers or throws NonFiniteError and updates nothing", () => {
    let refused = 0;
    for (const tPrime of [80, 88, 88.7, 88.8, 90, 92, 95, 100, 300, 709, 710, 1e6, 3e38]) {
      const model = tinyModel();
      model.tPrime.value.data.fill(tPrime);
      const before = numbersOf(model);
      try {
        trainStep({ model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid }, tinyBatch(B), 1);
        expect(numbersOf(model).every(Number.isFinite), `t′ = ${tPrime}`).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(NonFiniteError);
        expectSameBits(numbersOf(model), before);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(3);
  });

  it("with the softmax loss trains all but b, and refuses an optimizer that holds b", () => {
    const model = tinyModel();
    const step = (optimizer: AdamW) => trainStep({ model, optimizer, loss: trainingLosses.softmax }, tinyBatch(B), 1);
    expect(() => step(tinyOptimizer(model))).toThrow(OptimizerError);
    expect(() => step(tinyOptimizer(model))).toThrow(
      /^train: the softmax loss has no bias, but the optimizer updates b;/,
    );
    const before = model.tPrime.value.item();
    const trained = new Map([...parametersOf(model)].filter(([path]) => path !== "b"));
    expect(step(new AdamW(trained, { lr: 1e-3 })).gradNorm).toBeGreaterThan(0);
    expect(model.b.value.item()).toBe(-10);
    expect(model.tPrime.value.item()).not.toBe(before);
  });

  it("leaves a model that can be trained further, wherever it throws", () => {
    const expected = tinyModel();
    trainStep({ model: expected, optimizer: tinyOptimizer(expected), loss: trainingLosses.sigmoid }, tinyBatch(B), 1, {
      shards: 2,
    });
    let failed = 0;
    for (let last = 0; last < 3; last++) {
      const model = tinyModel();
      const optimizer = tinyOptimizer(model);
      const step = (comm: Communicator) =>
        trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1, { comm, shards: 2 });
      const { liveBytes, liveBlocks } = heap;
      let calls = 0;
      const allGather: Communicator["allGather"] = (x) => {
        if (calls++ === last) throw new RangeError("on purpose");
        return alone.allGather(x);
      };
      try {
        step({ ...alone, allGather });
      } catch (error) {
        expect(error).toEqual(new RangeError("on purpose"));
        failed++;
        expect([heap.liveBytes, heap.liveBlocks]).toEqual([liveBytes, liveBlocks]);
        step(alone);
      }
      expectSameBits(numbersOf(model), numbersOf(expected));
    }
    expect(failed).toBe(1); // the sums of the loss; a single device sends no gradients
  });

  it("trains a part of the model any number of times and leaves the rest unchanged", () => {
    const model = tinyModel();
    const part = new Map([...parametersOf(model)].filter(([path]) => path.startsWith("text/")));
    const optimizer = new AdamW(part, { lr: 1e-2 });
    const image = numbersOf({ ...model, text: undefined } as unknown as SigLip);
    const losses = Array.from(
      { length: 12 },
      () => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(B), 1).loss,
    );
    expect(losses[11]).toBeLessThan(losses[0]);
    expectSameBits(numbersOf({ ...model, text: undefined } as unknown as SigLip), image);
  });

  it("stores the activations of all its shards only if all of them are within the limit", () => {
    const shards = 4;
    const peak = (activationBytes: number): number => {
      const model = tinyModel();
      const optimizer = tinyOptimizer(model);
      heap.peakBytes = heap.liveBytes;
      const before = heap.liveBytes;
      trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(64), 1, { shards, activationBytes });
      return heap.peakBytes - before;
    };
    const [all, one] = [peak(Number.POSITIVE_INFINITY), peak(0)];
    expect(one).toBeLessThan(0.6 * all);
    // Enough for one of the four, or for three.
    for (const limit of [all / 3, (2 * all) / 3]) expect(peak(limit)).toBeLessThan(1.1 * one);
    expect(peak(all)).toBeGreaterThan(0.9 * all);
  });
});

it("200 steps of training allocate no new memory after the tenth", () => {
  const batch = 16;
  const model = tinyModel();
  const optimizer = tinyOptimizer(model);
  const seen: string[] = [];
  for (let step = 0; step < 200; step++) {
    trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(batch, step), 1);
    seen.push(`${heap.liveBlocks} blocks, ${heap.liveBytes} bytes live, ${heap.reservedBytes} reserved`);
  }
  expect(new Set(seen.slice(9)).size, seen.slice(9).join("\n")).toBe(1);
});

describe("train", () => {
  const training = (first = 0) => {
    const model = tinyModel();
    const optimizer = tinyOptimizer(model);
    const batchOf = (index: number) => tinyBatch(B, index);
    return { model, optimizer, loss: trainingLosses.sigmoid, batchOf, factorOf: (index: number) => 1 / (index + 1), first, steps: 5 }; // biome-ignore format: one training
  };

  it("yields every step after its update, numbered from 1", () => {
    const [one, other] = [training(), training()];
    const seen = [...train(one)];
    expect(seen.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    const expected = seen.map((_, index) => trainStep(other, tinyBatch(B, index), 1 / (index + 1)));
    expect(seen.map(({ step, ...metrics }) => metrics)).toEqual(expected);
    expectSameBits(numbersOf(one.model), numbersOf(other.model));
  });

  it("ends after a complete step when its caller leaves, and continues from there with the same bits", () => {
    const [whole, parts] = [training(), training()];
    for (const _ of train(whole)) void _;
    for (const { step } of train(parts)) if (step === 2) break;
    expect(parts.optimizer.count).toBe(2);
    for (const _ of train({ ...parts, first: 2 })) void _;
    expectSameBits(numbersOf(parts.model), numbersOf(whole.model));
  });
});
