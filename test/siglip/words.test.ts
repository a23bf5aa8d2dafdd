/** JavaScript can pass any word where the types allow a few: it is refused by name, and nothing is left half done. */
import { describe, expect, it } from "vitest";
import { AdamW, parametersOf, ScheduleError, schedule, sincos2d } from "../../src/nn/index.ts";
import {
  type LossName,
  ModelConfigError,
  parameterCount,
  SigLip,
  type SigLipConfig,
  trainingLosses,
  trainStep,
  withTwoViews,
} from "../../src/siglip/index.ts";
import {
  chooseKernels,
  full,
  generate,
  KernelError,
  kernelReport,
  Rng,
  ShapeError,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";

const tower = { width: 8, depth: 1, mlpDim: 16, numHeads: 2 };
const config: SigLipConfig = {
  image: { ...tower, imageSize: 8, patchSize: 4, pooling: "map", posEmb: "learn" },
  text: { ...tower, vocabSize: 16, length: 4, pooling: "last" },
  embedDim: 8,
  temperatureInit: 10,
  biasInit: -10,
};
const model = (): SigLip => new SigLip(new Rng(0), config);

describe("an unknown word is refused with the list of known ones:", () => {
  const wrong = "cls" as never;
  const image = (change: object) => () => new SigLip(new Rng(0), { ...config, image: { ...config.image, ...change } });
  const text = (change: object) => () => new SigLip(new Rng(0), { ...config, text: { ...config.text, ...change } });
  const step = (loss: string) => () =>
    trainStep(
      { model: model(), optimizer: new AdamW(parametersOf(model()), { lr: 1 }), loss: loss as never },
      { images: new Float32Array(2 * 8 * 8 * 3), imageShape: [2, 8, 8, 3], tokens: new Int32Array(8) },
      1,
    );

  it.each<[string, () => unknown, Error]>([
    ["pooling of pictures", image({ pooling: wrong }), new ModelConfigError('image tower: pooling must be one of map, mean, max, first, tok, not "cls"')],
    ["pooling of texts", text({ pooling: wrong }), new ModelConfigError('text tower: pooling must be one of last, first, mean, max, map, not "cls"')],
    ["positions", image({ posEmb: wrong }), new ModelConfigError('image tower: posEmb must be one of learn, sincos2d, not "cls"')],
    ["a form of GELU", text({ gelu: wrong }), new ModelConfigError('text tower: gelu must be one of tanh, erf, not "cls"')],
    ["the same without building the model", () => parameterCount({ ...config, image: { ...config.image, pooling: wrong } }), new ModelConfigError('image tower: pooling must be one of map, mean, max, first, tok, not "cls"')],
    ["the loss of a step", step("softmaxx"), new TypeError('train: loss "softmaxx" is not a form of the loss; use trainingLosses.sigmoid or trainingLosses.softmax')],
    ["the terms of two views", () => withTwoViews(trainingLosses.sigmoid, wrong), new TypeError('withTwoViews: terms must be one of texts, image-image, not "cls"')],
    ["the start of output projections", () => new SigLip(new Rng(0), { ...config, outputInit: wrong }), new ModelConfigError('model: outputInit must be one of xavier, zero, not "cls"')],
    ["a schedule", () => schedule({ kind: "cos" as never, total: 10 }), new ScheduleError('schedule: unknown kind "cos"; choose constant, linear, polynomial, cosine, rsqrt, stair')],
    ["kernels", () => chooseKernels("constructor" as never), new KernelError('kernels: the mode must be one of fast, strict, reference, not "constructor"')],
    ["a type of numbers", () => full([2], 1, "f16" as never), new ShapeError('full: "f16" is not a dtype; use f32 or f64')],
    ["a type of numbers of a model", () => new SigLip(new Rng(0), config, "bf16" as never), new ShapeError('generate: "bf16" is not a dtype; use f32 or f64')],
  ])("%s", (_, call, error) => {
    const before = kernelReport();
    expect(call).toThrow(error);
    expect(kernelReport()).toBe(before);
  }); // biome-ignore format: a case a line
});

describe("invalid numbers of a model are refused by name:", () => {
  it.each<[string, object]>([
    ["image tower: imageSize 0", { image: { ...config.image, imageSize: 0 } }],
    ["image tower: patchSize 1.5", { image: { ...config.image, patchSize: 1.5 } }],
    ["text tower: vocabSize undefined", { text: { ...config.text, vocabSize: undefined } }],
    ["text tower: length NaN", { text: { ...config.text, length: Number.NaN } }],
    ["model: embedDim 2.5", { embedDim: 2.5 }],
    ["image tower: posEmb sincos2d needs a width of 8", { image: { ...config.image, posEmb: "sincos2d", width: 4 } }],
    ["model: temperatureInit Infinity", { temperatureInit: Number.POSITIVE_INFINITY }],
  ])("%s", (says, change) => {
    expect(() => new SigLip(new Rng(0), { ...config, ...change })).toThrow(ModelConfigError);
    expect(() => new SigLip(new Rng(0), { ...config, ...change })).toThrow(says);
  });

  it("positions of width 4, whose frequencies would be 0/0", () => {
    expect(() => sincos2d(2, 2, 4, "f32")).toThrow(ShapeError);
    expect(sincos2d(2, 2, 8, "f32").data.every(Number.isFinite)).toBe(true);
  });
});

describe("images must be [B, S, S, 3]:", () => {
  it.each<[number[], RegExp]>([
    [
      [2, 3, 8, 8],
      /must be \[B, 8, 8, 3\] \(rows, columns, channels\), not \[2, 3, 8, 8\]; .*permute\(images, \[0, 2, 3, 1\]\)/,
    ],
    [[2, 8, 8, 4], /not \[2, 8, 8, 4\]$/],
    [[2, 16, 16, 3], /not \[2, 16, 16, 3\]$/],
    [[8, 8, 3], /not \[8, 8, 3\]$/],
  ])("%j", (shape, says) => {
    expect(() => model().embedImages(zeros(shape))).toThrow(ShapeError);
    expect(() => model().embedImages(zeros(shape))).toThrow(says);
  });
  it("of 3 pixels and 3 channels are ambiguous", () => {
    const small = new SigLip(new Rng(0), { ...config, image: { ...config.image, imageSize: 3, patchSize: 1 } });
    expect(small.embedImages(zeros([2, 3, 3, 3])).shape).toEqual([2, 8]);
  });
});

describe("tensor(values, shape)", () => {
  it.each<[string, unknown, unknown, RegExp]>([
    ["no shape", [1, 2], undefined, /tensor: the shape must be an array, such as \[2, 3\], not left out/],
    ["a number as shape", [1, 2], 2, /the shape must be an array, such as \[2, 3\], not 2/],
    ["a nested array of a fitting length", [[1], [2]], [2], /tensor: entry 0 is an array; give all numbers in one/],
    ["a nested array", [[1, 2], [3, 4]], [2, 2], /entry 0 is an array/],
    ["a hole", [1, undefined], [2], /entry 1 is undefined, not a number/],
    ["text", [1, "2"], [2], /entry 1 is 2, not a number/],
  ])("refuses %s", (_, values, shape, says) => {
    expect(() => tensor(values as number[], shape as number[])).toThrow(ShapeError);
    expect(() => tensor(values as number[], shape as number[])).toThrow(says);
  }); // biome-ignore format: a case a line
  it("accepts NaN and ∞", () => {
    expect([...tensor([Number.NaN, Number.POSITIVE_INFINITY], [2]).data]).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]);
  });
});

it("a refused step leaves a model that can be trained further", () => {
  const batch = {
    imageShape: [2, 8, 8, 3],
    images: generate([2 * 8 * 8 * 3], () => 0.5).toArray() as Float32Array,
    tokens: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  };
  const trained = (refused: boolean): number => {
    const siglip = model();
    const optimizer = new AdamW(parametersOf(siglip), { lr: 1e-3 });
    const step = (name: LossName) => trainStep({ model: siglip, optimizer, loss: trainingLosses[name] }, batch, 1).loss;
    // The softmax loss has no bias, and this optimizer wants a gradient for it.
    if (refused)
      expect(() => step("softmax")).toThrow(/^train: the softmax loss has no bias, but the optimizer updates b;/);
    step("sigmoid");
    return step("sigmoid");
  };
  expect(trained(true)).toBe(trained(false));
});
