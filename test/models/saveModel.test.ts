/** Models saved in each layout: the same bits come back, whatever the way; nothing is overwritten or left behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LayoutName, loadModel, saveModel } from "../../src/models/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { SigLip, type SigLipConfig } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const OTHERS: readonly LayoutName[] = ["hugging-face", "big-vision", "open-clip"];
const LAYOUTS: readonly LayoutName[] = ["siglip-ts", ...OTHERS];
const bits = (model: SigLip) =>
  [...parametersOf(model)].map(([path, { value }]) => [
    path,
    [...value.data].map((x) => (Object.is(x, -0) ? "-0" : x)),
  ]);

/** Any model that all layouts can express. */
const configs: fc.Arbitrary<SigLipConfig> = fc
  .record({
    head: fc.integer({ min: 1, max: 3 }),
    heads: fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2, 3)),
    depths: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })),
    mlp: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
    patchSize: fc.integer({ min: 1, max: 4 }),
    grid: fc.integer({ min: 1, max: 3 }),
    vocabSize: fc.integer({ min: 1, max: 20 }),
    length: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ head, heads, depths, mlp, patchSize, grid, vocabSize, length }) => {
    const width = 6 * head;
    const tower = (i: 0 | 1) => ({
      width,
      depth: depths[i],
      mlpDim: mlp[i],
      numHeads: heads[i],
      gelu: "tanh" as const,
    });
    return {
      image: { ...tower(0), imageSize: grid * patchSize, patchSize, pooling: "map", posEmb: "learn" },
      text: { ...tower(1), vocabSize, length, pooling: "last" },
      embedDim: width,
      temperatureInit: 10,
      biasInit: -10,
    };
  });

/** A model whose every parameter is drawn, biases and scales too. */
function drawn(config: SigLipConfig, seed = 1): SigLip {
  const model = new SigLip(new Rng(seed), config);
  const rng = new Rng(seed);
  for (const [path, { value }] of parametersOf(model)) {
    const own = rng.split(path);
    for (let i = 0; i < value.size; i++) value.data[i] = own.normal();
  }
  return model;
}

const small: SigLipConfig = fc.sample(configs, { seed: 3, numRuns: 1 })[0];
const fresh = (): string => join(temporaryFolder(), "model");

describe("a saved model", () => {
  it("comes back from any chain of layouts with the same bits and configuration", () => {
    fc.assert(
      fc.property(configs, fc.shuffledSubarray([...LAYOUTS], { minLength: 1 }), (config, chain) => {
        const first = drawn(config);
        let model = first;
        for (const layout of chain) {
          const folder = fresh();
          saveModel(model, folder, layout);
          const loaded = loadModel(folder);
          expect(loaded.layout).toBe(layout);
          expect(bits(loaded.model)).toEqual(bits(first));
          const { gelu: _, ...image } = loaded.config.image;
          expect({ ...image, gelu: "tanh", epsilon: 1e-6 }).toMatchObject(config.image);
          model = loaded.model;
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ["hf/tiny", "hugging-face"],
    ["torch/open_clip/v1", "open-clip"],
    ["torch/open_clip/v2", "open-clip"],
    ["big_vision/ckpt_plain.npz", "big-vision"],
  ] as const)("of a library has again the tensors of %s", (path, layout) => {
    const { model, config } = loadModel(released(path));
    const folder = fresh();
    saveModel(model, folder, layout);
    const again = loadModel(folder);
    expect(again.config).toEqual(config);
    expect(bits(again.model)).toEqual(bits(model));
  });

  it("for Hugging Face has no field whose 0 or 1 stands for a float, which transformers 5 refuses", () => {
    const folder = fresh();
    saveModel(drawn(small), folder, "hugging-face");
    const text = readFileSync(join(folder, "config.json"), "utf8");
    const whole = [...text.matchAll(/"(\w+)": \d+(?![\d.e])/g)].map(([, field]) => field);
    const sizes =
      /^(hidden_size|num_\w+|intermediate_size|vocab_size|max_position_embeddings|projection_size|image_size|patch_size)$/;
    expect(whole.length).toBeGreaterThan(8);
    expect(whole.filter((field) => !sizes.test(field))).toEqual([]);
  });

  it("in f64 keeps every bit of its numbers in safetensors and npz", () => {
    const { model } = loadModel(released("hf/tiny"), { dtype: "f64" });
    for (const [path, { value }] of parametersOf(model)) value.data[0] = Math.PI * path.length;
    for (const layout of LAYOUTS) {
      if (layout === "open-clip") continue; // one is enough of each format
      const folder = fresh();
      saveModel(model, folder, layout);
      expect(bits(loadModel(folder, { dtype: "f64" }).model)).toEqual(bits(model));
    }
  });

  it("without a text head gets the identity as its head for Hugging Face", () => {
    const { model } = loadModel(released("big_vision/ckpt_no_text_head.npz"));
    const folder = fresh();
    saveModel(model, folder, "hugging-face");
    const loaded = loadModel(folder).model;
    const ids = Int32Array.of(3, 1, 4, 1, 5);
    expect([...loaded.embedTexts(ids).value.data]).toEqual([...model.embedTexts(ids).value.data]);
  });
});

describe("saving a model", () => {
  it("never writes into an existing folder or over a file", () => {
    const folder = fresh();
    mkdirSync(folder);
    expect(() => saveModel(drawn(small), folder, "hugging-face")).toThrow(
      /exists; save the model into a folder that does not/,
    );
    expect(readdirSync(folder)).toEqual([]);
    const file = fresh();
    writeFileSync(file, "mine");
    expect(() => saveModel(drawn(small), file, "big-vision")).toThrow(/exists/);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it("of NaN, or of a model that the layout cannot express, writes nothing and says which part", () => {
    const folder = fresh();
    const damaged = drawn(small);
    damaged.b.value.data[0] = Number.NaN;
    expect(() => saveModel(damaged, folder, "open-clip")).toThrow("saveModel: b holds NaN or infinity");
    const pooled = drawn({ ...small, text: { ...small.text, pooling: "mean" } });
    for (const layout of OTHERS) expect(() => saveModel(pooled, folder, layout)).toThrow("text.pooling mean");
    const erf = drawn({ ...small, text: { ...small.text, gelu: "erf" } });
    expect(() => saveModel(erf, folder, "big-vision")).toThrow("gelu erf");
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(join(folder, ".."))).toEqual([]);
  });
});
