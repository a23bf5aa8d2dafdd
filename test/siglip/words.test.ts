/** JavaScript can pass any word where the types allow a few: it is refused by name, and nothing is left half done. */
import { describe, expect, it } from "vitest";
import { constant, parameter } from "../../src/autograd/index.ts";
import { retrieval } from "../../src/eval/index.ts";
import { AdamW, parametersOf, ScheduleError, schedule, sincos2d } from "../../src/nn/index.ts";
import {
  type LossName,
  ModelConfigError,
  parameterCount,
  SigLip,
  type SigLipConfig,
  sigmoidLoss,
  trainingLosses,
  trainStep,
  withTwoViews,
} from "../../src/siglip/index.ts";
import {
  add,
  chooseKernels,
  full,
  generate,
  KernelError,
  kernelReport,
  matmul,
  Rng,
  reshape,
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
    [[8, 8, 3], /not \[8, 8, 3\]; one image is a batch of one: reshape\(image, \[1, 8, 8, 3\]\)$/],
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
    ["nothing", undefined, [2], /the numbers must be an array, not left out/],
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

const nested = [[1, 0], [0, 1]] as never; // biome-ignore format: a matrix

describe("nested arrays in place of tensors and ids are refused with what to write:", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["a product", () => matmul(nested, nested), /^matmul: an argument is not a tensor; tensor\(values, \[2, 3\]\) makes one/],
    ["a sum", () => add(nested, nested), /^add: an argument is not a tensor/],
    ["a parameter", () => parameter(nested), /^parameter: an argument is not a tensor/],
    ["a constant", () => constant(nested), /^constant: an argument is not a tensor/],
    ["a shape that is a number", () => reshape(zeros([4]), 4 as never), /^reshape: the shape must be an array, such as \[2, 3\], not 4/],
    ["images", () => model().embedImages(nested), /^image tower: images: an argument is not a tensor; tensor\(values, \[1, 8, 8, 3\]\)/],
    ["ids", () => model().embedTexts(nested), /^text tower: entry 0 is \[1,0\], not an id; .*Int32Array\.from\(ids\.flat\(\)\)/],
    ["texts", () => model().embedTexts(["a cat"] as never), /^text tower: entry 0 is "a cat", not an id; .*encodeAll of texts/],
    ["embeddings", () => sigmoidLoss(nested, nested, nested, nested), /^sigmoidLoss: zimg must be a variable; constant\(tensor\) makes one/],
    ["embeddings of a test", () => retrieval(nested, nested, [0, 1], [1]), /^retrieval: entry 0 of \w+ is not a number; give all rows in one Float32Array/],
    ["a seed in place of random numbers", () => new SigLip(0 as never, config), /^SigLip: the first argument must be an Rng, such as new Rng\(0\)/],
    ["a model in place of its parameters", () => new AdamW(model() as never, { lr: 1 }), /^adamW: the parameters must be a map by path; parametersOf\(model\) makes one/],
  ])("%s", (_, call, says) => expect(call).toThrow(says)); // biome-ignore format: a case a line
});

const batch = {
  imageShape: [2, 8, 8, 3],
  images: generate([2 * 8 * 8 * 3], () => 0.5).toArray() as Float32Array,
  tokens: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
};

describe("a batch that does not fit is refused, and the next step is as if it had not been:", () => {
  const { images, tokens } = batch;
  it.each<[string, object, RegExp]>([
    ["channels first", { imageShape: [2, 3, 8, 8] }, /channels come last here/],
    ["no shape", { imageShape: undefined }, /^train: a batch needs imageShape, the shape of its images, such as \[B, S, S, 3\]/],
    ["an array of images", { images: [...images] }, /^train: the images of a batch must be one Float32Array/],
    ["bytes", { images: new Uint8Array(images.length) }, /^train: the images of a batch must be one Float32Array/],
    ["nested ids", { tokens: [[1, 2, 3, 4], [5, 6, 7, 8]] }, /^train: the tokens of a batch must be one Int32Array, a row of 4 ids for each text; Int32Array\.from\(tokens\.flat\(\)\)/],
    ["texts", { tokens: ["a", "b"] }, /encodeAll of texts/],
    ["too few texts", { tokens: tokens.subarray(4) }, /^train: a batch of images \[2, 8, 8, 3\] has 4 ids; it needs 8 \(2 rows of 4\)/],
    ["too few groups", { groups: Int32Array.of(0) }, /has 8 ids and 1 groups; it needs 8 \(2 rows of 4\) and 2/],
    ["too few pixels", { images: images.subarray(1) }, /383 numbers for \[2, 8, 8, 3\]/],
    ["an id beyond the table", { tokens: tokens.map((id) => 2 * id) }, /the table has rows 0\.\.15/],
    ["NaN", { images: images.map(() => Number.NaN) }, /the loss is NaN/],
  ])("%s", (_, change, says) => {
    const trained = (refused: boolean): Float32Array[] => {
      const siglip = model();
      const trainee = {
        model: siglip,
        optimizer: new AdamW(parametersOf(siglip), { lr: 1e-2 }),
        loss: trainingLosses.sigmoid,
      };
      trainStep(trainee, batch, 1);
      if (refused) expect(() => trainStep(trainee, { ...batch, ...change }, 1)).toThrow(says);
      trainStep(trainee, batch, 1);
      return [...parametersOf(siglip).values()].map(({ value }) => value.toArray() as Float32Array);
    };
    expect(trained(true)).toEqual(trained(false));
  }); // biome-ignore format: a case a line
});

it("a refused step leaves a model that can be trained further", () => {
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
