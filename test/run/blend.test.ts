import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { saveModel } from "../../src/models/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { BlendError, type BlendedModel, blendModels, saveBlend } from "../../src/run/blend.ts";
import { openModel } from "../../src/run/openModel.ts";
import { SigLip, type SigLipConfig } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY } from "../support/tinyModel.ts";

const CONFIG: SigLipConfig = { ...TINY, text: { ...TINY.text, vocabSize: byteTokenizer.vocabSize } };

/** A model of other random weights for every seed, t′ and b among them. */
function modelOf(seed: number, config = CONFIG): BlendedModel {
  const rng = new Rng(seed);
  const model = new SigLip(rng, { ...config, temperatureInit: 1 + seed, biasInit: -seed });
  for (const { value } of parametersOf(model).values()) value.data.set(Array.from(value.data, (x) => x + rng.normal()));
  return { path: `model ${seed}`, model, tokenizer: byteTokenizer };
}

const weights = (model: SigLip): number[] => [...parametersOf(model).values()].flatMap(({ value }) => [...value.data]);

it("a blend has the bits of a at ratio 0, those of b at 1, and lies between them elsewhere", () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 0.25, 0.5, 1), fc.nat(9), fc.nat(9), (ratio, seed, other) => {
      const [a, b] = [modelOf(seed), modelOf(other)];
      const [x, y] = [weights(a.model), weights(b.model)];
      const blended = weights(blendModels(a, b, ratio));
      expect(blended).toEqual(x.map((each, i) => Math.fround((1 - ratio) * each + ratio * y[i])));
      expect(weights(a.model)).toEqual(x);
    }),
    { numRuns: 8 },
  );
});

it("models of other sizes or with other tokenizers are refused with what differs", () => {
  const wide: SigLipConfig = { ...CONFIG, embedDim: 16, image: { ...CONFIG.image, depth: 1 } };
  const blend =
    (b: BlendedModel, ratio = 0.5) =>
    () =>
      blendModels(modelOf(1), b, ratio);
  expect(blend(modelOf(2, wide))).toThrow(
    /model 1 and model 2 are models that differ in image\.depth 2 and 1, embedDim 8 and 16/,
  );
  const tokenizer = { ...byteTokenizer, toJSON: () => ({ kind: "bytes", version: 2 }) as const };
  const other = byteTokenizer.toJSON().version === 2 ? ({ kind: "bytes", version: 1 } as const) : tokenizer.toJSON();
  expect(blend({ ...modelOf(2), tokenizer: { ...tokenizer, toJSON: () => other } })).toThrow(/different tokenizers/);
  for (const ratio of [-0.1, 1.1, Number.NaN]) expect(blend(modelOf(2), ratio)).toThrow(BlendError);
});

it("models that differ in initial values, in patch dropout or in defaults that are written out are of the same sizes", () => {
  const written: SigLipConfig = {
    image: { ...CONFIG.image, gelu: "tanh", epsilon: 1e-6, repSize: 0, patchDropout: 0.25 },
    text: { ...CONFIG.text, gelu: "tanh", epsilon: 1e-6, bottleneck: 0, head: true },
    embedDim: CONFIG.embedDim,
    ...{ temperatureInit: 3, biasInit: -2, outputInit: "zero" },
  };
  const [a, b] = [modelOf(1), modelOf(2, written)];
  expect(weights(blendModels(a, b, 1))).toEqual(weights(b.model));
  const erf: SigLipConfig = { ...CONFIG, text: { ...CONFIG.text, gelu: "erf" } };
  expect(() => blendModels(a, modelOf(2, erf), 0.5)).toThrow(/text\.gelu "tanh" and "erf"/);
});

it("a saved blend opens as a model with the tokenizer of both", () => {
  const folder = temporaryFolder();
  for (const seed of [1, 2])
    saveModel(modelOf(seed).model, join(folder, `${seed}`), "siglip-ts", { tokenizer: byteTokenizer });
  const [a, b] = [1, 2].map((seed) => openModel(join(folder, `${seed}`), (warning) => expect.unreachable(warning)));
  saveBlend(a, b, 0.25, join(folder, "out"));
  const out = openModel(join(folder, "out"), (warning) => expect.unreachable(warning));
  expect(weights(out.model)).toEqual(weights(blendModels(a, b, 0.25)));
  expect(out.tokenizer.toJSON()).toEqual(byteTokenizer.toJSON());
  expect(new Set([a, b, out].map(({ fingerprint }) => fingerprint)).size).toBe(3);
});
