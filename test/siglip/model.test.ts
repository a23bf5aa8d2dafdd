import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backward, noGrad, type Variable } from "../../src/autograd/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { ModelConfigError, SigLip, type SigLipConfig, sigmoidLoss, softmaxLoss } from "../../src/siglip/index.ts";
import { Rng, ShapeError, scope, slice, tensor, useKernels, zeros } from "../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { seeds } from "../support/generators.ts";
import { kernelSets } from "../support/kernelSets.ts";
import { imageShape, TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const D = TINY.embedDim;
const LENGTH = TINY.text.length;
/** An embedding as an array, without recording. */
const embed = (body: () => Variable): ArrayLike<number> => scope(() => noGrad(() => body().value.toArray()));

describe.each(["f32", "f64"] as const)("the towers in %s", (dtype) => {
  const model = tinyModel(dtype);
  const images = (pixels: Float32Array, n: number) =>
    embed(() => model.embedImages(tensor(pixels, imageShape(n), dtype)));
  const texts = (tokens: Int32Array) => embed(() => model.embedTexts(tokens));

  it("give embeddings of length 1", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), seeds, (n, seed) => {
        const { images: pixels, tokens } = tinyBatch(n, seed);
        for (const rows of [images(pixels, n), texts(tokens)]) {
          expect(rows.length).toBe(n * D);
          for (let i = 0; i < n; i++) {
            const norm = Math.hypot(...Array.from(rows).slice(i * D, (i + 1) * D));
            // big_vision's ε = 1e-8 beside lengths of about 1, and the rounding of d numbers.
            expect(Math.abs(norm - 1)).toBeLessThan(1e-6);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe.each(kernelSets)("the towers, by %s,", (_, kernels) => {
  beforeAll(() => useKernels(kernels));
  afterAll(() => useKernels(undefined));
  const model = tinyModel();

  it("give a row the same bits alone and in a batch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), seeds, (n, seed) => {
        const { images: pixels, tokens } = tinyBatch(n, seed);
        const side = pixels.length / n;
        const together = embed(() => model.embedImages(tensor(pixels, imageShape(n))));
        const read = embed(() => model.embedTexts(tokens));
        for (let i = 0; i < n; i++) {
          const one = pixels.subarray(i * side, (i + 1) * side);
          const alone = embed(() => model.embedImages(tensor(one, imageShape(1))));
          expectSameBits(alone, Array.from(together).slice(i * D, (i + 1) * D), `image ${i}`);
          const words = embed(() => model.embedTexts(tokens.slice(i * LENGTH, (i + 1) * LENGTH)));
          expectSameBits(words, Array.from(read).slice(i * D, (i + 1) * D), `text ${i}`);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("the text tower", () => {
  it("pools the last token, the first, or the mean, as its configuration says", () => {
    const { tokens } = tinyBatch(3);
    const [B, D] = [3, TINY.text.width];
    const picks: Record<"last" | "first" | "mean", (token: number) => number> = {
      last: (token) => (token === LENGTH - 1 ? 1 : 0),
      first: (token) => (token === 0 ? 1 : 0),
      mean: () => 1 / LENGTH,
    };
    for (const [pooling, weight] of Object.entries(picks) as [keyof typeof picks, (token: number) => number][]) {
      const tower = tinyModel("f64", { ...TINY, text: { ...TINY.text, pooling } }).text;
      const seen = new Map<string, ArrayLike<number>>();
      scope(() => noGrad(() => tower.forward(tokens, (name, value) => seen.set(name, value.value.toArray()))));
      const [encoded, pooled] = ["encoded", "pooled"].map((name) => seen.get(name) as ArrayLike<number>);
      const expected = new Float64Array(B * D);
      Array.from(encoded).forEach((value, flat) => {
        const [row, token, channel] = [Math.floor(flat / (LENGTH * D)), Math.floor(flat / D) % LENGTH, flat % D];
        expected[row * D + channel] += weight(token) * value;
      });
      expectWithin(pooled, expected, 1e-14, pooling);
    }
  });

  it("looks at every token: changing any one changes the embedding, whatever the pooling", () => {
    for (const pooling of ["last", "first", "mean", "map"] as const) {
      const own = tinyModel("f64", { ...TINY, text: { ...TINY.text, pooling } });
      const { tokens } = tinyBatch(1);
      const before = Array.from(embed(() => own.embedTexts(tokens)));
      for (let at = 0; at < LENGTH; at++) {
        const other = tokens.with(at, (tokens[at] + 1) % TINY.text.vocabSize);
        const after = Array.from(embed(() => own.embedTexts(other)));
        const distance = Math.hypot(...after.map((value, i) => value - before[i]));
        expect(distance, `${pooling}, token ${at}`).toBeGreaterThan(1e-4);
      }
    }
  });
});

describe("both towers", () => {
  it("tell the order of tokens and of patches", () => {
    const own = tinyModel("f64");
    const tokens = Int32Array.of(1, 2, 3, 4, 5);
    const [a, b] = [tokens, tokens.toReversed()].map((ids) => Array.from(embed(() => own.embedTexts(ids))));
    expect(Math.hypot(...a.map((value, i) => value - b[i]))).toBeGreaterThan(1e-4);
    const { images: pixels } = tinyBatch(1);
    const rows = pixels.length / 2; // upper and lower half of the image change places
    const turned = Float32Array.of(...pixels.subarray(rows), ...pixels.subarray(0, rows));
    const [c, d] = [pixels, turned].map((image) =>
      Array.from(embed(() => own.embedImages(tensor(image, imageShape(1), "f64")))),
    );
    expect(Math.hypot(...c.map((value, i) => value - d[i]))).toBeGreaterThan(1e-4);
  });
});

describe("the gradient of every parameter", () => {
  /** The softmax does not change when all scores of a query shift together, so key biases have gradient 0. */
  const keyPart: readonly [RegExp, (width: number) => [number, number]][] = [
    [/qkv\/bias$/, (width) => [width, 2 * width]],
    [/keyValue\/bias$/, (width) => [0, width]],
  ];

  const lossOf = (name: "sigmoid" | "softmax", { tPrime, b }: SigLip, zimg: Variable, ztxt: Variable): Variable =>
    name === "sigmoid" ? sigmoidLoss(zimg, ztxt, tPrime, b) : softmaxLoss(zimg, ztxt, tPrime);

  for (const loss of ["sigmoid", "softmax"] as const) {
    it(`is there and not 0 for the ${loss} loss, but for key biases${loss === "softmax" ? " and for b, which it does not have" : ""}`, () => {
      const model = tinyModel("f64", { ...TINY, biasInit: -2 });
      const batch = tinyBatch(6);
      const parameters = parametersOf(model);
      scope(() => {
        const zimg = model.embedImages(tensor(batch.images, imageShape(6), "f64"));
        backward(lossOf(loss, model, zimg, model.embedTexts(batch.tokens)));
      });
      for (const [path, parameter] of parameters) {
        if (path === "b" && loss === "softmax") {
          expect(parameter.grad, "b does not take part in the softmax loss").toBeUndefined();
          continue;
        }
        const grad = parameter.grad;
        if (!grad) return expect.fail(`${path} has no gradient`);
        expect(grad.shape).toEqual(parameter.value.shape);
        const keys = keyPart.find(([pattern]) => pattern.test(path));
        const [from, to] = keys ? keys[1](TINY.image.width) : [0, 0];
        grad.toArray().forEach((g, i) => {
          if (i >= from && i < to) expect(Math.abs(g), `${path}[${i}]`).toBeLessThan(1e-14);
        });
        const rest = Array.from(grad.toArray()).filter((_, i) => i < from || i >= to);
        // Token rows that no text of the batch uses have gradient 0, so only most numbers must differ from 0.
        const alive = rest.filter((g) => Math.abs(g) > 1e-12).length;
        expect(alive, path).toBeGreaterThan(path === "text/embedding" ? rest.length / 2 : 0.9 * rest.length);
      }
    });
  }

  it("in the token table is 0 exactly where the batch has no such token", () => {
    const model = tinyModel();
    const { images: pixels } = tinyBatch(2);
    const tokens = Int32Array.of(1, 2, 1, 1, 4, 2, 2, 2, 1, 4);
    scope(() => {
      const zimg = model.embedImages(tensor(pixels, imageShape(2)));
      backward(lossOf("sigmoid", model, zimg, model.embedTexts(tokens)));
    });
    const { width, vocabSize } = TINY.text;
    const grad = Array.from(parametersOf(model).get("text/embedding")!.grad?.toArray() ?? []);
    for (let id = 0; id < vocabSize; id++) {
      const row = grad.slice(id * width, (id + 1) * width);
      if (tokens.includes(id)) expect(row.some((g) => g !== 0)).toBe(true);
      else expectSameBits(row, new Float64Array(width), `row ${id}`);
    }
  });
});

describe("a model", () => {
  it("is the same for the same seed and another for another", () => {
    const values = (seed: number) =>
      [...parametersOf(new SigLip(new Rng(seed), TINY)).values()].flatMap(({ value }) => Array.from(value.toArray()));
    expectSameBits(values(7), values(7));
    expect(values(7)).not.toEqual(values(8));
  });

  it("with outputInit zero has output projections of zeros in all encoder blocks, and every other parameter as without", () => {
    const [drawn, zero] = (["xavier", "zero"] as const).map((outputInit) =>
      parametersOf(tinyModel("f32", { ...TINY, outputInit })),
    );
    const isOutput = (path: string) =>
      /^(image|text)\/encoder\/blocks\/\d+\/(attention\/out|mlp\/dense2)\/kernel$/.test(path);
    expect([...zero.keys()].filter(isOutput)).toHaveLength(2 * (TINY.image.depth + TINY.text.depth));
    for (const [path, { value }] of zero) {
      const expected = drawn.get(path)!.value.toArray();
      expectSameBits(value.toArray(), isOutput(path) ? new Float32Array(expected.length) : expected, path);
      if (isOutput(path)) expect(expected.every((x) => x !== 0)).toBe(true);
    }
  });

  it("starts at t = temperatureInit and b = biasInit", () => {
    const model = tinyModel();
    expect(Math.exp(model.tPrime.value.item())).toBeCloseTo(10, 5);
    expect(model.b.value.item()).toBe(-10);
  });

  it("refuses images and token rows that do not fit, naming the shapes", () => {
    const model = tinyModel();
    const { tokens } = tinyBatch(2);
    expect(() => model.embedTexts(tokens.slice(0, 9))).toThrow(
      new ShapeError("text tower: 9 ids do not divide into rows of 5; pad or cut every text to 5"),
    );
    expect(() => model.embedTexts(Int32Array.of(0, 1, 2, 3, 11))).toThrow(
      "gather: entry 4 is row 11, but the table has rows 0..10",
    );
    expect(() => model.embedImages(zeros([8, 8, 3]))).toThrow(
      "images must be [B, 8, 8, 3] (rows, columns, channels), not [8, 8, 3]",
    );
    expect(() => model.embedImages(zeros([1, 3, 3, 3]))).toThrow("not [1, 3, 3, 3]");
    expect(() => model.embedImages(zeros([1, 16, 16, 3]))).toThrow(ShapeError);
    expect(() => model.embedImages(zeros([1, 8, 8, 1]))).toThrow(ShapeError);
    expect(() => model.embedImages(zeros([1, 8, 8, 3], "f64"))).toThrow(ShapeError);
  });

  it("drops the pixels beyond the last whole patch", () => {
    const model = tinyModel();
    const wide = tensor(
      Float32Array.from({ length: 10 * 10 * 3 }, (_, i) => Math.sin(i)),
      [1, 10, 10, 3],
    );
    const cut = slice(slice(wide, 1, 0, 8), 2, 0, 8);
    expectSameBits(
      embed(() => model.embedImages(wide)),
      embed(() => model.embedImages(cut)),
    );
  });

  it("refuses an invalid configuration, naming the numbers", () => {
    const make = (change: Partial<SigLipConfig>) => () => new SigLip(new Rng(1), { ...TINY, ...change });
    expect(make({ image: { ...TINY.image, numHeads: 3 } })).toThrow(
      new ModelConfigError("image tower: numHeads 3 does not divide width 8"),
    );
    expect(make({ text: { ...TINY.text, depth: 0 } })).toThrow("text tower: depth 0 is not an integer of at least 1");
    expect(make({ image: { ...TINY.image, patchSize: 9 } })).toThrow("patchSize 9 is not between 1 and imageSize 8");
    expect(make({ temperatureInit: 0 })).toThrow(ModelConfigError);
    expect(make({ biasInit: Number.NaN })).toThrow(ModelConfigError);
  });
});
