/** Losses with two views against the formula, in every form and on any number of devices; and a training step with one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parametersOf } from "../../src/nn/index.ts";
import { alone, ShardError } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import {
  batchGradients,
  type LossForm,
  lossForms,
  type PairBatch,
  type SigLip,
  trainingLosses,
  type ViewTerms,
  withTwoViews,
} from "../../src/siglip/index.ts";
import { type DType, heap, Rng, ShapeError, scope, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { seeds, unitRows } from "../support/generators.ts";
import { type Gradients, type Pairs, referenceSigmoidLoss, referenceSoftmaxLoss } from "../support/referenceLoss.ts";
import { TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const TERMS = ["texts", "image-image"] as const satisfies readonly ViewTerms[];
const FORMS: readonly LossForm[] = Object.values(lossForms);

/** n items: two views x [2·n, d], one text y [n, d]. */
type Views = Pairs;

const viewsOf = (n: number, d: number, seed: number): Views => {
  const rng = new Rng(seed);
  const [x, y] = [unitRows(rng.split("x"), 2 * n, d), unitRows(rng.split("y"), n, d)];
  return { n, d, x, y, tPrime: Math.log(10), b: -2 };
};

/** The formula, from plain loops: the mean of both views against the texts, and the views against each other. */
function reference(form: LossForm, terms: ViewTerms, views: Views): Gradients {
  const { n, d, x } = views;
  const of = form.usesBias ? referenceSigmoidLoss : referenceSoftmaxLoss;
  const rows = (view: number) => {
    const out = new Float64Array(n * d);
    for (let i = 0; i < n; i++) out.set(x.subarray((2 * i + view) * d, (2 * i + view + 1) * d), i * d);
    return out;
  };
  const [a, b] = [of({ ...views, x: rows(0) }), of({ ...views, x: rows(1) })];
  const ab = of({ ...views, x: rows(0), y: rows(1) });
  const share = terms === "image-image" ? 1 : 0;
  const sum = (first: number, second: number, between: number) => (first + second) / 2 + share * between;
  const dX = new Float64Array(2 * n * d);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < d; k++) {
      dX[2 * i * d + k] = a.dX[i * d + k] / 2 + share * ab.dX[i * d + k];
      dX[(2 * i + 1) * d + k] = b.dX[i * d + k] / 2 + share * ab.dY[i * d + k];
    }
  }
  return {
    loss: sum(a.loss, b.loss, ab.loss),
    dX,
    dY: Array.from(a.dY, (value, i) => (value + b.dY[i]) / 2),
    dTPrime: sum(a.dTPrime, b.dTPrime, ab.dTPrime),
    dB: sum(a.dB, b.dB, ab.dB),
  };
}

/** A form on `size` devices in lockstep; checks that every rank has the same loss. */
function onDevices(form: LossForm, views: Views, size: number, shards = size, dtype: DType = "f64"): Gradients {
  const { n, d, tPrime, b } = views;
  const parts = lockstep(size, (comm) => {
    const rows = (of: Float64Array, each: number) => {
      const count = (each * n) / size;
      return tensor(of.subarray(comm.rank * count * d, (comm.rank + 1) * count * d), [count, d], dtype);
    };
    const out = form.gradients({ zimg: rows(views.x, 2), ztxt: rows(views.y, 1), tPrime, b, comm, shards });
    const { loss, dtPrime: dTPrime, db: dB } = out;
    return { loss, dTPrime, dB, dX: Array.from(out.dzimg.data), dY: Array.from(out.dztxt.data) };
  });
  for (const { loss, dTPrime, dB } of parts) expect([loss, dTPrime, dB]).toEqual([parts[0].loss, parts[0].dTPrime, parts[0].dB]); // biome-ignore format: a line
  return { ...parts[0], dX: parts.flatMap(({ dX }) => dX), dY: parts.flatMap(({ dY }) => dY) };
}

const everything = ({ loss, dTPrime, dB, dX, dY }: Gradients): number[] => [loss, dTPrime, dB, ...Array.from(dX), ...Array.from(dY)]; // biome-ignore format: a line

const CASES = FORMS.flatMap((form) =>
  TERMS.map((terms) => [form.name, terms, form, withTwoViews(form, terms)] as const),
);

describe.each(CASES)("the form %s of two views with %s", { timeout: 60_000 }, (_, terms, form, twoViews) => {
  const sizes = form.oneDevice ? [1] : [1, 2, 4];

  it("equals the formula with all gradients, on any devices", () => {
    const cases = fc.record({
      size: fc.constantFrom(...sizes),
      rows: fc.integer({ min: 1, max: 4 }),
      d: fc.integer({ min: 1, max: 9 }),
      seed: seeds,
    });
    fc.assert(
      fc.property(cases, ({ size, rows, d, seed }) => {
        const views = viewsOf(size * rows, d, seed);
        const actual = onDevices(twoViews, views, size);
        // Logits of at most 12 in f64; each number is a sum of three.
        expectWithin(everything(actual), everything(reference(form, terms, views)), 1e-11);
      }),
      { numRuns: 30 },
    );
  });

  it("has gradients that central differences confirm", () => {
    const views = viewsOf(3, 4, 5);
    const { dX, dY, dTPrime, dB } = onDevices(twoViews, views, 1);
    const h = 1e-6;
    const slope = (moved: (by: number) => Partial<Views>): number => {
      const at = (by: number) => onDevices(twoViews, { ...views, ...moved(by) }, 1).loss;
      return (at(h) - at(-h)) / (2 * h);
    };
    const along = (of: Float64Array, i: number, by: number) => of.with(i, of[i] + by);
    expectWithin(dX, Array.from(views.x, (_, i) => slope((by) => ({ x: along(views.x, i, by) }))), 1e-7, "dX"); // biome-ignore format: a line
    expectWithin(dY, Array.from(views.y, (_, i) => slope((by) => ({ y: along(views.y, i, by) }))), 1e-7, "dY"); // biome-ignore format: a line
    expect(dTPrime).toBeCloseTo(
      slope((by) => ({ tPrime: views.tPrime + by })),
      6,
    );
    expect(dB).toBeCloseTo(
      slope((by) => ({ b: views.b + by })),
      6,
    );
  });

  it("has its least loss for the same logit everywhere at blindLoss", () => {
    for (const n of [2, 7]) {
      const same = { n, d: 1, x: new Float64Array(2 * n).fill(1), y: new Float64Array(n).fill(1), tPrime: 0 };
      const at = (logit: number) => onDevices(twoViews, { ...same, b: logit - 1 }, 1).loss;
      expect(at(-Math.log(n - 1))).toBeCloseTo(twoViews.blindLoss(n), 10);
      for (const logit of [-20, -3, 0, 5]) expect(at(logit)).toBeGreaterThanOrEqual(twoViews.blindLoss(n) - 1e-10);
    }
  });

  it("says of its loss what the loss of one view says", () => {
    const { usesBias, probability, holdsAllPairs, oneDevice } = twoViews;
    expect({ usesBias, probability, holdsAllPairs, oneDevice }).toEqual({
      usesBias: form.usesBias,
      probability: form.probability,
      holdsAllPairs: form.holdsAllPairs,
      oneDevice: form.oneDevice,
    });
    expect(twoViews.summary.startsWith(form.summary)).toBe(true);
    expect(twoViews.operations).toBe((terms === "texts" ? 2 : 3) * form.operations);
    expect(twoViews.check).toBeUndefined(); // it samples rows of one matrix of pairs
  });

  it("refuses images that are not two for each text", () => {
    const run = (images: number[], texts: number[]) => () =>
      twoViews.gradients({ zimg: zeros(images), ztxt: zeros(texts), tPrime: 0, b: 0, comm: alone, shards: 1 });
    for (const images of [[3, 2], [6, 3], [12, 2], [6, 2, 1]]) expect(run(images, [3, 2])).toThrow(ShapeError); // biome-ignore format: a line
    expect(run([3, 2], [3, 2])).toThrow("images [3, 2] and texts [3, 2]; they must be [2·n, d] and [n, d]");
  });
});

describe.each(TERMS)("two views with %s", { timeout: 60_000 }, (terms) => {
  it.each(Object.values(trainingLosses))("of the $name loss have the same bits on 1, 2, 4 and 8 devices", (form) => {
    const twoViews = withTwoViews(form, terms);
    for (const dtype of ["f32", "f64"] as const) {
      const views = viewsOf(24, 5, 9);
      const one = everything(onDevices(twoViews, views, 1, 8, dtype));
      for (const size of [2, 4, 8]) expectSameBits(everything(onDevices(twoViews, views, size, 8, dtype)), one);
    }
  });

  it("cost as much as one view if both are the same image, and in addition their agreement", () => {
    const one = viewsOf(5, 4, 2);
    const single = one.x.subarray(0, 5 * 4);
    const twice = new Float64Array(2 * 5 * 4);
    for (let i = 0; i < 10; i++) twice.set(single.subarray(Math.floor(i / 2) * 4, (Math.floor(i / 2) + 1) * 4), i * 4);
    const { loss } = onDevices(withTwoViews(lossForms.fused, terms), { ...one, x: twice }, 1);
    const texts = referenceSigmoidLoss({ ...one, x: single }).loss;
    const images = referenceSigmoidLoss({ ...one, x: single, y: single }).loss;
    expect(loss).toBeCloseTo(terms === "texts" ? texts : texts + images, 10);
  });

  it("exchanged in every item, cost the same", () => {
    const views = viewsOf(6, 3, 4);
    const exchanged = new Float64Array(views.x.length);
    for (let i = 0; i < 12; i++) exchanged.set(views.x.subarray((i ^ 1) * 3, ((i ^ 1) + 1) * 3), i * 3);
    const twoViews = withTwoViews(lossForms.fused, terms);
    expect(onDevices(twoViews, { ...views, x: exchanged }, 2).loss).toBeCloseTo(onDevices(twoViews, views, 2).loss, 12);
  });

  it("free all memory but their gradients", () => {
    const twoViews = withTwoViews(lossForms.fused, terms);
    const [x, y] = [tensor(unitRows(new Rng(1), 16, 8), [16, 8]), tensor(unitRows(new Rng(2), 8, 8), [8, 8])];
    const before = heap.liveBlocks;
    scope(() => {
      twoViews.gradients({ zimg: x, ztxt: y, tPrime: 1, b: -2, comm: alone, shards: 2 });
      expect(heap.liveBlocks).toBe(before + 2);
    });
  });
});

/** Random rows of a batch with two images for each text. */
function batchOfViews(rows: number): PairBatch {
  const { images, imageShape } = tinyBatch(2 * rows, 1);
  return { images, imageShape, tokens: tinyBatch(rows, 2).tokens };
}

/** The rows of one of several devices. */
function shareOf({ images, imageShape, tokens, ...rest }: PairBatch, rank: number, size: number): PairBatch {
  const part = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((rank * all.length) / size, ((rank + 1) * all.length) / size) as A;
  return { ...rest, images: part(images), imageShape: [imageShape[0] / size, ...imageShape.slice(1)], tokens: part(tokens) }; // biome-ignore format: a line
}

const gradientsOf = (model: SigLip): number[] => [...parametersOf(model).values()].flatMap(({ grad }) => Array.from(grad?.data ?? [Number.NaN])); // biome-ignore format: a line

describe("a training step with two views", { timeout: 60_000 }, () => {
  const loss = withTwoViews(trainingLosses.sigmoid, "image-image");
  const ROWS = 8;
  const dropping = { ...TINY, image: { ...TINY.image, imageSize: 16, patchDropout: 0.5 } };

  function gradients(size: number, activationBytes = Number.POSITIVE_INFINITY, config = TINY): number[] {
    const { images, imageShape } = tinyBatch(2 * ROWS, 1, config);
    const batch = { images, imageShape, tokens: tinyBatch(ROWS, 2, config).tokens, rng: new Rng(3) };
    const [first, ...others] = lockstep(size, (comm) => {
      const model = tinyModel("f32", config);
      const own = shareOf(batch, comm.rank, size);
      const value = batchGradients(model, loss, own, { comm, shards: 4, activationBytes });
      return [value, ...gradientsOf(model)];
    });
    for (const other of others) expectSameBits(other, first);
    return first;
  }

  it("has the same bits on 1, 2 and 4 devices, with activations stored or recomputed", () => {
    for (const config of [TINY, dropping]) {
      const one = gradients(1, undefined, config);
      expect(one.every(Number.isFinite)).toBe(true);
      for (const size of [2, 4]) expectSameBits(gradients(size, undefined, config), one);
      expectSameBits(gradients(2, 0, config), one);
    }
  });

  it("has the gradients of the formula over the embeddings of all images and texts", () => {
    const batch = batchOfViews(ROWS);
    const model = tinyModel("f64");
    scope(() => {
      const value = batchGradients(model, loss, batch, { shards: 2 });
      const numbers = (z: ReturnType<SigLip["embedTexts"]>) => Float64Array.from(z.value.data);
      const x = numbers(model.embedImages(tensor(batch.images, batch.imageShape, "f64")));
      const y = numbers(model.embedTexts(batch.tokens));
      const [tPrime, b] = [model.tPrime.value.item(), model.b.value.item()];
      const expected = reference(lossForms.fused, "image-image", { n: ROWS, d: TINY.embedDim, x, y, tPrime, b });
      expect(value).toBeCloseTo(expected.loss, 10);
      expect(model.tPrime.grad?.item()).toBeCloseTo(expected.dTPrime, 10);
      expect(model.b.grad?.item()).toBeCloseTo(expected.dB, 10);
    });
    for (const parameter of parametersOf(model).values()) parameter.grad = undefined;
  });

  it("drops patches of both views independently, by the number of the image in the batch", () => {
    // One view for each text sees the images one by one; with the same images, both embed the same kept patches.
    const { images, imageShape } = tinyBatch(2 * ROWS, 1, dropping);
    const seen = (form: LossForm, texts: number): number[] =>
      scope(() => {
        let rows: number[] = [];
        const batch = { images, imageShape, tokens: tinyBatch(texts, 2, dropping).tokens, rng: new Rng(3) };
        batchGradients(tinyModel("f32", dropping), form, batch, { shards: 4 }, ({ zimg }) => {
          rows = Array.from(zimg.data);
        });
        return rows;
      });
    expectSameBits(seen(loss, ROWS), seen(trainingLosses.sigmoid, 2 * ROWS));
    const [d, size] = [dropping.embedDim, images.length / imageShape[0]];
    images.copyWithin(size, 0, size); // the first item: one image in both views
    const both = seen(loss, ROWS);
    expect(both.slice(0, d)).not.toEqual(both.slice(d, 2 * d));
  });

  it("refuses images that do not come in pairs", () => {
    const { images, imageShape, tokens } = batchOfViews(ROWS);
    const odd = { images: images.subarray(0, images.length - 192), imageShape: [15, ...imageShape.slice(1)], tokens };
    expect(() => batchGradients(tinyModel(), loss, odd, {})).toThrow(ShardError);
    expect(() => batchGradients(tinyModel(), loss, odd, {})).toThrow(
      /15 images, 2 for each text, on each of 1 devices/,
    );
    const single = { ...tinyBatch(ROWS) };
    expect(() => scope(() => batchGradients(tinyModel(), loss, single, {}))).toThrow(
      /a batch of images \[8, .*\], 2 for each text, has \d+ ids; it needs \d+ \(4 rows of/,
    );
  });
});
