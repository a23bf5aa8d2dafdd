/** Every option of the towers: its gradients, its initial values, and what it must equal. */
import { describe, expect, it } from "vitest";
import { backward, constant, mul, noGrad, sum, type Variable } from "../../src/autograd/index.ts";
import { drawPatches, LayerNorm, parametersOf } from "../../src/nn/index.ts";
import { ModelConfigError, type SigLip, type SigLipConfig } from "../../src/siglip/index.ts";
import { matmul, Rng, scope, tensor } from "../../src/tensor/index.ts";
import { expectWithin } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";
import { imageShape, TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const image = (part: Partial<SigLipConfig["image"]>): SigLipConfig => ({ ...TINY, image: { ...TINY.image, ...part } });
const text = (part: Partial<SigLipConfig["text"]>): SigLipConfig => ({ ...TINY, text: { ...TINY.text, ...part } });

const VARIANTS: Readonly<Record<string, SigLipConfig>> = {
  "an image tower that pools by map": image({ pooling: "map" }),
  "an image tower that pools by mean": image({ pooling: "mean" }),
  "an image tower that pools by max": image({ pooling: "max" }),
  "an image tower that pools the first patch": image({ pooling: "first" }),
  "an image tower that pools a class token": image({ pooling: "tok" }),
  "an image tower with a tanh layer": image({ repSize: 5 }),
  "an image tower with erf": image({ gelu: "erf" }),
  "an image tower with another ε": image({ epsilon: 0.1, pooling: "map" }),
  "an image tower for oblong images": image({ imageSize: [8, 13] }),
  "an image tower with patch dropout": image({ patchSize: 2, patchDropout: 0.6, pooling: "tok" }),
  "a text tower that pools the last token": text({ pooling: "last" }),
  "a text tower that pools the first token": text({ pooling: "first" }),
  "a text tower that pools by mean": text({ pooling: "mean" }),
  "a text tower that pools by max": text({ pooling: "max" }),
  "a text tower that pools by map": text({ pooling: "map" }),
  "a text tower with a bottleneck": text({ bottleneck: 3 }),
  "a text tower with erf": text({ gelu: "erf" }),
  "a text tower with another ε": text({ epsilon: 0.1, pooling: "map" }),
  "a text tower without a head": text({ head: false }),
};

describe("the gradient of every parameter, along a random direction, is the central difference:", () => {
  it.each(Object.entries(VARIANTS))("%s", (_, config) => {
    const rows = 3;
    const model = tinyModel("f64", config);
    const { images: pixels, tokens } = tinyBatch(rows, 1, config);
    const kept = config.image.patchDropout ? drawPatches(new Rng(1), { first: 0, count: rows }, 16, 0.6) : undefined;
    const weights = [1, 2].map((seed) => normals(seed, [rows, TINY.embedDim], "f64"));
    const value = (): Variable => {
      const zimg = model.embedImages(tensor(pixels, imageShape(rows, config), "f64"), kept);
      return sum(mul(mul(zimg, weights[0]), mul(model.embedTexts(tokens), weights[1])));
    };
    // At 0, where it starts, the layer norm bends within 10⁻³: no place for differences.
    for (const at of model.image.classToken?.value.data.keys() ?? []) model.image.classToken!.value.data[at] = at / 4;
    scope(() => backward(value()));
    for (const [
      path,
      {
        value: { data, size },
        grad,
      },
    ] of parametersOf(model)) {
      if (path === "tPrime" || path === "b") continue; // of the loss
      const rng = new Rng(3).split(path);
      const direction = Float64Array.from({ length: size }, () => rng.normal());
      const start = data.slice();
      const at = (h: number): number => {
        for (let i = 0; i < size; i++) data[i] = start[i] + h * direction[i];
        return scope(() => noGrad(value).value.item());
      };
      const h = 1e-4;
      const numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h); // of fourth order
      data.set(start);
      const analytic = direction.reduce((dot, x, i) => dot + x * (grad?.data[i] ?? Number.NaN), 0);
      expect(Math.abs(analytic - numeric), path).toBeLessThan(1e-7 * Math.max(1, Math.abs(numeric)));
    }
  });
});

it("ε is added to the variance by every layer norm of its tower, and to none of the other", () => {
  const norm = new LayerNorm(2, "f64", 0.5);
  const normalized = noGrad(() => norm.forward(constant(tensor([1, -1], [1, 2], "f64"))));
  expectWithin(normalized.value.toArray(), [1 / Math.sqrt(1.5), -1 / Math.sqrt(1.5)], 1e-15);
  const embeddings = (config: SigLipConfig) => {
    const { images: pixels, tokens } = tinyBatch(2, 1, config);
    const model = tinyModel("f64", config);
    const zimg = scope(() =>
      noGrad(() => model.embedImages(tensor(pixels, imageShape(2, config), "f64")).value.toArray()),
    );
    return { zimg, ztxt: textsOf(model, tokens) };
  };
  const usual = embeddings(TINY);
  expect(embeddings(image({ epsilon: 1e-6 }))).toEqual(usual);
  const changed = embeddings(image({ epsilon: 0.1 }));
  expect(changed.ztxt).toEqual(usual.ztxt);
  expect(changed.zimg).not.toEqual(usual.zimg);
  expect(embeddings(text({ epsilon: 0.1 })).ztxt).not.toEqual(usual.ztxt);
  for (const epsilon of [0, -1e-6, 1, Number.NaN]) {
    expect(() => tinyModel("f64", text({ epsilon }))).toThrow(`text tower: epsilon ${epsilon} is not between 0 and 1`);
  }
});

const meanSquare = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, x) => total + x * x, 0) / values.length;

/** The embeddings of a batch of texts. */
const textsOf = (model: SigLip, tokens: Int32Array): ArrayLike<number> =>
  scope(() => noGrad(() => model.embedTexts(tokens)).value.toArray());

describe("a bottleneck in the token table", () => {
  it("is the full table whose rows are table · kernel", () => {
    const [narrow, full] = [tinyModel("f64", text({ bottleneck: 3 })), tinyModel("f64")];
    const [from, to] = [parametersOf(narrow), parametersOf(full)];
    for (const [path, { value }] of to) {
      if (path !== "text/embedding") value.data.set(from.get(path)!.value.data as Float64Array);
    }
    const table = matmul(from.get("text/embedding")!.value, narrow.text.bottleneck!.kernel.value);
    to.get("text/embedding")!.value.data.set(table.data as Float64Array);
    const { tokens } = tinyBatch(4);
    expectWithin(textsOf(narrow, tokens), textsOf(full, tokens), 1e-12);
  });

  it("starts token embeddings with the variance of the full table, 1/D", () => {
    const width = 64;
    const model = tinyModel("f64", text({ width, vocabSize: 2000, bottleneck: 16 }));
    const embedded = matmul(
      parametersOf(model).get("text/embedding")!.value,
      model.text.bottleneck!.kernel.value,
    ).toArray();
    const variance = meanSquare(embedded);
    // 16 · 64 numbers of the kernel, each shared by all tokens: its own variance is off by 1/√(16·64/2).
    expect(Math.abs(variance * width - 1)).toBeLessThan(5 * Math.sqrt(2 / (16 * 64)));
  });
});

it("a class token starts at 0 and has no position; the tanh layer starts by LeCun's law", () => {
  const model = tinyModel("f64", image({ pooling: "tok", repSize: 400 }));
  const { classToken, preLogits } = model.image;
  expect(Array.from(classToken!.value.data)).toEqual(new Array(TINY.image.width).fill(0));
  expect(model.image.posEmbedding.shape).toEqual([4, TINY.image.width]);
  const kernel = preLogits!.kernel.value.toArray();
  const variance = meanSquare(kernel);
  expect(Math.abs(variance * TINY.image.width - 1)).toBeLessThan(5 * Math.sqrt(2 / kernel.length));
  expect(Math.max(...Array.from(preLogits!.bias.value.data, Math.abs))).toBe(0);
});

it("the tower's pooling by max is the maximum of each channel over the tokens", () => {
  const tower = tinyModel("f64", image({ pooling: "max" })).image;
  const seen = new Map<string, ArrayLike<number>>();
  const pixels = constant(tensor(tinyBatch(1).images, imageShape(1), "f64")).value;
  scope(() => noGrad(() => tower.forward(pixels, (name, { value }) => seen.set(name, value.toArray()))));
  const encoded = Array.from(seen.get("encoded")!);
  const D = TINY.image.width;
  const expected = Array.from({ length: D }, (_, c) => Math.max(...encoded.filter((_, i) => i % D === c)));
  expectWithin(seen.get("pooled")!, expected, 0);
});

describe("a configuration that contradicts itself is refused:", () => {
  it.each<[SigLipConfig, string]>([
    [
      image({ pooling: "first", patchDropout: 0.5 }),
      "image tower: pooling first reads the first patch, which patchDropout 0.5 may drop",
    ],
    [image({ patchDropout: 1 }), "image tower: patchDropout 1 is not from 0 to less than 1"],
    [image({ patchDropout: Number.NaN }), "image tower: patchDropout NaN is not from 0 to less than 1"],
    [image({ repSize: 1.5 }), "image tower: repSize 1.5 is not an integer of at least 0"],
    [image({ imageSize: [8, 3] }), "image tower: patchSize 4 is not between 1 and imageSize 3"],
    [image({ imageSize: [8] as never }), "image tower: imageSize [8] is not a side or [height, width]"],
    [image({ imageSize: [8, 8, 3] as never }), "image tower: imageSize [8,8,3] is not a side or [height, width]"],
    [text({ bottleneck: -1 }), "text tower: bottleneck -1 is not an integer of at least 0"],
    [text({ head: false, width: 12, numHeads: 2 }), "text tower: without a head, width 12 must be embedDim 8"],
  ])("%j", (config, says) => {
    expect(() => tinyModel("f32", config)).toThrow(ModelConfigError);
    expect(() => tinyModel("f32", config)).toThrow(says);
  });
});
