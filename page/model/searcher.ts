/** A stored model at work: the pictures of the unseen style in its embedding space, and the ones that fit words best. */
import { drawView, plainView } from "../../src/data/augment.ts";
import { toBytes } from "../../src/data/batches.ts";
import type { PixelValues } from "../../src/data/preprocess/spec.ts";
import { valueTable } from "../../src/data/preprocess/values.ts";
import { embedPictures, embedTexts, type Pictures } from "../../src/run/embed.ts";
import { type SigLip, sidesOf, trainingLosses } from "../../src/siglip/index.ts";
import { type Atlas, CELL, pictureOf } from "../atlas/atlas.ts";
import { UNSEEN } from "../train/data.ts";
import { ModelFilesError } from "./chosen.ts";
import type { StoredModel } from "./files.ts";
import type { Match } from "./messages.ts";

/** All emoji of the unseen style at the size of a model, prepared as its training did. Throws `ModelFilesError`. */
export function picturesFor(
  atlas: Atlas,
  { config: { image }, values }: Pick<StoredModel, "config" | "values">,
): Pictures {
  const [side, width] = sidesOf(image);
  if (side !== width)
    throw new ModelFilesError(`the model takes images of ${side} × ${width} pixels; the page draws squares alone`);
  const stride = side * side * 3;
  const convert = values === undefined ? undefined : converter(values);
  // As large in the image as in training here; whole images where a library prepares them.
  const view = convert === undefined ? plainView : { ...plainView, place: [1, 0, 0, 0, 1, 0] as const };
  return {
    count: atlas.names.length,
    side,
    pixels(from = 0, end = atlas.names.length) {
      const out = new Float32Array((end - from) * stride);
      for (let item = from; item < end; item++)
        drawView(pictureOf(atlas, UNSEEN, item), CELL, view, side, out, (item - from) * stride);
      return convert?.(out) ?? out;
    },
  };
}

/** From ink by way of bytes to the values of a library. */
function converter(values: PixelValues): (ink: Float32Array) => Float32Array {
  const tables = [0, 1, 2].map((channel) => valueTable(values, channel));
  return (ink) => Float32Array.from(toBytes(ink), (byte, i) => tables[i % 3][byte]);
}

/** A model with its pictures embedded. */
export class Searcher {
  readonly model: SigLip;
  readonly #stored: StoredModel;
  readonly #zimg: Float32Array;

  /**
   * `onProgress` gets the number of pictures that are embedded so far. Throws the errors of `StoredModel.model` and `picturesFor`, and
   * `NonFiniteError` for weights that are not finite.
   */
  constructor(atlas: Atlas, stored: StoredModel, onProgress: (pictures: number) => void = () => {}) {
    const { vocabSize } = stored.tokenizer;
    if (vocabSize > stored.config.text.vocabSize)
      throw new ModelFilesError(`the tokenizer has ${vocabSize} ids, and the model ${stored.config.text.vocabSize} rows of tokens; it belongs to another model`); // biome-ignore format: a line
    this.#stored = stored;
    this.model = stored.model();
    const pictures = picturesFor(atlas, stored);
    const pixels: Pictures["pixels"] = (from, end) => {
      onProgress(from ?? 0); // those before are done
      return pictures.pixels(from, end);
    };
    this.#zimg = embedPictures(this.model, { ...pictures, pixels });
  }

  /** The `count` pictures that fit the words best. */
  search(words: string, count: number): Match[] {
    const { tokenizer, config, loss } = this.#stored;
    const ztxt = embedTexts(this.model, tokenizer, [words], config.text.length);
    const { probability } = trainingLosses[loss];
    const [t, b] = [Math.exp(this.model.tPrime.value.item()), this.model.b.value.item()];
    const d = config.embedDim;
    return Array.from({ length: this.#zimg.length / d }, (_, item): Match => {
      let similarity = 0;
      for (let k = 0; k < d; k++) similarity += ztxt[k] * this.#zimg[item * d + k];
      return { item, similarity, ...(probability && { probability: probability(t * similarity + b) }) };
    })
      .sort((one, other) => other.similarity - one.similarity)
      .slice(0, count);
  }
}
