/** The sigmoid loss of classes, and training a classifier with it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backward,
  div,
  gradcheck,
  logSigmoid,
  mul,
  neg,
  parameter,
  sum,
  type Variable,
} from "../../src/autograd/index.ts";
import { AdamW, freeze, parametersOf } from "../../src/nn/index.ts";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import {
  type ClassBatch,
  Classifier,
  classification,
  classLoss,
  ModelConfigError,
  trainStep,
} from "../../src/siglip/index.ts";
import { Rng, scope, tensor } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const ALONE = { comm: alone, shards: 1 };

/** Logits of some rows with their labels; −1 for no class. */
const batches = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), classes: fc.integer({ min: 2, max: 5 }), seed: fc.nat() })
  .map(({ rows, classes, seed }) => {
    const rng = new Rng(seed);
    return {
      ...{ rows, classes },
      logits: Float64Array.from({ length: rows * classes }, () => rng.between(-8, 8)),
      labels: Int32Array.from({ length: rows }, () => rng.integer(classes + 1) - 1),
    };
  });

/** The formula: −(1/B) Σᵢ Σ_c log σ(y_ic·ℓ_ic). */
function formula(logits: Variable, labels: Int32Array): Variable {
  const [rows, classes] = logits.shape;
  const signs = Float64Array.from({ length: rows * classes }, (_, i) =>
    labels[Math.floor(i / classes)] === i % classes ? 1 : -1,
  );
  return neg(div(sum(logSigmoid(mul(logits, tensor(signs, [rows, classes], "f64")))), rows));
}

describe("the sigmoid loss of classes", () => {
  it("and its gradient are those of the formula", () => {
    fc.assert(
      fc.property(batches, ({ rows, classes, logits, labels }) => {
        const x = parameter(tensor(logits, [rows, classes], "f64"));
        const expected = formula(x, labels);
        const { loss, dlogits } = classLoss(x.value, labels, ALONE);
        expect(loss).toBeCloseTo(expected.value.item(), 12);
        expect(gradcheck((leaf) => formula(leaf, labels), [tensor(logits, [rows, classes], "f64")]).error).toBeLessThan(
          1e-7,
        );
        backward(expected);
        for (const [i, g] of dlogits.toArray().entries()) expect(g).toBeCloseTo(x.grad!.data[i], 12);
      }),
      { numRuns: 50 },
    );
  });

  it("is C·ln 2 if all logits are 0, with gradients ±½/B", () => {
    const { loss, dlogits } = classLoss(tensor(new Float64Array(6), [2, 3], "f64"), Int32Array.of(1, -1), ALONE);
    expect(loss).toBeCloseTo(3 * Math.LN2, 12);
    expect([...dlogits.data]).toEqual([0.25, -0.25, 0.25, 0.25, 0.25, 0.25]);
  });

  it("is finite for logits of any size", () => {
    const { loss, dlogits } = classLoss(tensor([-1e4, 1e4], [1, 2]), Int32Array.of(0), ALONE);
    expect(loss).toBe(2e4);
    expect([...dlogits.data]).toEqual([-1, 1]);
  });

  it("has the same bits on 1, 2 and 4 devices, in value and gradient", () => {
    const rng = new Rng(3);
    const [rows, classes] = [8, 5];
    const logits = Float32Array.from({ length: rows * classes }, () => rng.between(-3, 3));
    const labels = Int32Array.from({ length: rows }, () => rng.integer(classes + 1) - 1);
    const parts = (size: number) =>
      lockstep(size, (comm) => {
        const [first, end] = [0, 1].map((i) => ((comm.rank + i) * rows) / size);
        const own = tensor(logits.slice(first * classes, end * classes), [end - first, classes]);
        const { loss, accuracy, dlogits } = classLoss(own, labels.slice(first, end), { comm, shards: 4 });
        return { loss, accuracy, dlogits: [...dlogits.data] };
      });
    const [expected] = parts(1);
    for (const size of [2, 4]) {
      const found = parts(size);
      for (const { loss, accuracy } of found)
        expect({ loss, accuracy }).toEqual({ loss: expected.loss, accuracy: expected.accuracy });
      expectSameBits(
        found.flatMap(({ dlogits }) => dlogits),
        expected.dlogits,
        `on ${size} devices`,
      );
    }
  });

  it("counts as right whose class has the highest logit, among the rows that have a class", () => {
    const logits = tensor([1, 0, 0, 1, 5, 5, 0, 1], [4, 2]);
    expect(classLoss(logits, Int32Array.of(0, 1, 0, -1), ALONE).accuracy).toBe(1); // of equal logits the first
    expect(classLoss(logits, Int32Array.of(1, 1, 1, -1), ALONE).accuracy).toBeCloseTo(1 / 3, 12);
    expect(classLoss(logits, Int32Array.of(-1, -1, -1, -1), ALONE).accuracy).toBeNaN();
  });

  it("refuses a label that is no class, and labels of other rows", () => {
    const logits = tensor([1, 0], [1, 2]);
    expect(() => classLoss(logits, Int32Array.of(2), ALONE)).toThrow(/row 0 has class 2; the classifier knows 0\.\.1/);
    expect(() => classLoss(logits, Int32Array.of(0, 1), ALONE)).toThrow(/2 labels for logits \[1, 2\]/);
  });
});

const CLASSES = 3;
const classifier = (patchDropout = 0): Classifier =>
  new Classifier(new Rng(1).split("model"), {
    image: { ...TINY.image, patchSize: 2, patchDropout },
    embedDim: 8,
    classes: CLASSES,
    biasInit: -1,
  });
const optimizerOf = (model: Classifier): AdamW => new AdamW(parametersOf(model), { lr: 1e-2, clipNorm: 1 });
const numbersOf = (model: Classifier): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => [...value.toArray()]);

/** This device's rows of a batch of a step. */
function rowsOf(comm: Communicator, batch: number, step: number): ClassBatch {
  const { images, imageShape } = tinyBatch(batch, step);
  const own = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((comm.rank * all.length) / comm.size, ((comm.rank + 1) * all.length) / comm.size) as A;
  return {
    images: own(images),
    imageShape: [batch / comm.size, ...imageShape.slice(1)],
    labels: own(Int32Array.from({ length: batch }, (_, i) => ((i + step) % (CLASSES + 1)) - 1)),
    rng: new Rng(0).split(step),
  };
}

describe("training a classifier", () => {
  it("gives the same bits on 1, 2 and 4 devices, and if activations are recomputed", () => {
    const trained = (comm: Communicator, activationBytes?: number): number[] => {
      const model = classifier(0.5);
      const trainee = { objective: classification(model), optimizer: optimizerOf(model) };
      const cut = { comm, shards: 4, measure: true, ...(activationBytes === undefined ? {} : { activationBytes }) };
      const seen = [1, 2].map((step) => trainStep(trainee, rowsOf(comm, 8, step), 1, cut));
      return [
        ...seen.flatMap(({ loss, accuracy, health }) => [loss, accuracy!, health!.embeddingNorm.image!]),
        ...numbersOf(model),
      ];
    };
    const expected = trained(alone);
    expectSameBits(trained(alone, 0), expected, "recomputed");
    for (const size of [2, 4]) {
      for (const numbers of lockstep(size, (comm) => trained(comm)))
        expectSameBits(numbers, expected, `on ${size} devices`);
    }
  });

  it("begins with the tower of the model of the same seed and a head of zeros, and learns a batch by heart", () => {
    const model = new Classifier(new Rng(1).split("model"), { ...TINY, classes: CLASSES });
    const towers = [model, tinyModel()].map(({ image }) =>
      [...parametersOf({ image })].map(([path, { value }]) => [path, ...value.data]),
    );
    expect(towers[0]).toEqual(towers[1]);
    const batch = { ...rowsOf(alone, 12, 1), labels: Int32Array.from({ length: 12 }, (_, i) => i % CLASSES) };
    const logits = scope(() => [...model.logits(tensor(batch.images, batch.imageShape)).value.data]);
    expect(new Set(logits)).toEqual(new Set([TINY.biasInit]));
    const trainee = { objective: classification(model), optimizer: optimizerOf(model) };
    const steps = Array.from({ length: 60 }, () => trainStep(trainee, batch, 1, { shards: 2 }));
    expect(steps[0]).not.toHaveProperty("t");
    expect(steps.at(-1)!.accuracy).toBe(1);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0].loss / 2);
  });

  it("measures the norms of tower and head", () => {
    const model = classifier();
    const trainee = { objective: classification(model), optimizer: optimizerOf(model) };
    const { health } = trainStep(trainee, rowsOf(alone, 4, 1), 1, { measure: true });
    expect(Object.keys(health!.gradNorm)).toEqual(["image", "head"]);
    expect(health!.gradNorm.image).toBe(0); // the head is 0 at the start
    expect(health!.updateNorm.head).toBeGreaterThan(0);
  });

  it("leaves frozen parameters as they are, also the whole tower", () => {
    const model = classifier();
    freeze(parametersOf(model), ["image/.*"]);
    const before = numbersOf(model);
    trainStep({ objective: classification(model), optimizer: optimizerOf(model) }, rowsOf(alone, 4, 1), 1);
    const heads = CLASSES * 9;
    expect(numbersOf(model).slice(0, -heads)).toEqual(before.slice(0, -heads));
    expect(numbersOf(model).slice(-heads)).not.toEqual(before.slice(-heads));
  });

  it("needs two classes or more, and a finite bias", () => {
    const config = { image: TINY.image, embedDim: 8 };
    expect(() => new Classifier(new Rng(0), { ...config, classes: 1, biasInit: 0 })).toThrow(ModelConfigError);
    expect(() => new Classifier(new Rng(0), { ...config, classes: 2, biasInit: Number.NaN })).toThrow(
      /biasInit NaN must be finite/,
    );
  });
});
