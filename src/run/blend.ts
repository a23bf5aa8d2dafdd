/**
 * Interpolates between the weights of two models, as of one before and after its fine-tuning:
 *
 *   θ = (1 − α)·θ_A + α·θ_B
 *
 * Along this line a model often keeps what A knew and B has lost, at little cost in what B learned (WiSE-FT, Wortsman et al. 2022,
 * arXiv 2109.01903). It needs a common origin: between models trained apart the line leads through models that know nothing.
 */
import { parametersOf } from "../nn/index.ts";
import { SigLip, type SigLipConfig } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { convertModel } from "./convertModel.ts";
import type { OpenModel } from "./openModel.ts";

/** Two models cannot be blended; the message says what differs. */
export class BlendError extends Error {
  override readonly name = "BlendError";
}

/** The parts of an open model that a blend needs. */
export type BlendedModel = Pick<OpenModel, "path" | "model" | "tokenizer">;

/**
 * The model with the weights (1 − ratio)·a + ratio·b, in f32. Throws `BlendError` if sizes or tokenizers of the two differ or the
 * ratio is not in 0..1.
 */
export function blendModels(a: BlendedModel, b: BlendedModel, ratio: number): SigLip {
  if (!(ratio >= 0 && ratio <= 1)) throw new BlendError(`blend: the ratio is ${ratio}; give a number from 0 to 1`);
  const differences = differencesOf(shapeOf(a.model.config), shapeOf(b.model.config));
  if (differences.length > 0) {
    throw new BlendError(
      `blend: ${a.path} and ${b.path} are models that differ in ${differences.join(", ")}; blend a model and its fine-tuned one`,
    );
  }
  if (JSON.stringify(a.tokenizer) !== JSON.stringify(b.tokenizer)) {
    throw new BlendError(
      `blend: ${a.path} and ${b.path} have different tokenizers, so equal ids mean different words; blend a model and its fine-tuned one`,
    );
  }
  const blended = new SigLip(new Rng(0), a.model.config);
  const [left, right] = [parametersOf(a.model), parametersOf(b.model)];
  for (const [path, { value }] of parametersOf(blended)) {
    const [x, y] = [left.get(path)!.value.data, right.get(path)!.value.data];
    const out = value.data;
    for (let i = 0; i < out.length; i++) out[i] = (1 - ratio) * x[i] + ratio * y[i];
  }
  return blended;
}

/**
 * Saves a blend of two open models in a new folder, with the tokenizer of `a` and its preparation of images. Errors as in
 * `blendModels` and `convertModel`.
 */
export function saveBlend(a: OpenModel, b: OpenModel, ratio: number, folder: string): void {
  const blended: OpenModel = Object.create(a, { model: { value: blendModels(a, b, ratio) } });
  convertModel(blended, folder, "siglip-ts");
}

/** What decides the sizes and the meaning of the parameters: no initial values and nothing of training; absent values by their defaults. */
function shapeOf({ image, text, embedDim }: SigLipConfig): object {
  const { patchDropout: _, ...kept } = image;
  const both = { gelu: "tanh", epsilon: 1e-6 };
  return { image: { ...both, repSize: 0, ...kept }, text: { ...both, bottleneck: 0, head: true, ...text }, embedDim };
}

/** `image.width 64 and 128` for every value that differs. */
function differencesOf(a: object, b: object, at = ""): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => {
    const [x, y] = [a, b].map((each) => (each as Record<string, unknown>)[key]);
    if (JSON.stringify(x) === JSON.stringify(y)) return [];
    const path = at + key;
    const areRecords = [x, y].every((each) => typeof each === "object" && each !== null && !Array.isArray(each));
    if (areRecords) return differencesOf(x as object, y as object, `${path}.`);
    return [`${path} ${JSON.stringify(x)} and ${JSON.stringify(y)}`];
  });
}
