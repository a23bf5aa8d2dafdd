/** A stored model at work: the pictures of the unseen style in its embedding space, and the ones that fit words best. */
import { drawView, plainView } from "../../src/data/augment.ts";
import { toBytes } from "../../src/data/batches.ts";
import { preprocess } from "../../src/data/preprocess/preprocess.ts";
import type { PixelValues } from "../../src/data/preprocess/spec.ts";
import { FormatError, openSafetensors, sizeOf, sourceOfBytes } from "../../src/formats/index.ts";
import { checkTensors, readLinks } from "../../src/models/fill.ts";
import { ownTable } from "../../src/models/siglipTsConfig.ts";
import { linksOf } from "../../src/models/table.ts";
import { parametersOf, skipInit } from "../../src/nn/index.ts";
import { embedPictures, embedTexts, type Pictures } from "../../src/run/embed.ts";
import { parameterCount, SigLip, sidesOf, trainingLosses } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { type Atlas, CELL, pictureOf } from "../atlas/atlas.ts";
import { UNSEEN } from "../train/data.ts";
import { ModelFilesError, type StoredModel } from "./files.ts";
import type { Match } from "./messages.ts";

/** Fills a model with the weights of a file. Throws `FormatError` with all tensors that do not fit. */
export function modelOf({ config, weights, file, prefix }: StoredModel): SigLip {
  const source = openSafetensors(sourceOfBytes(weights, file));
  const stored = [...source.entries].filter(([name]) => name.startsWith(prefix));
  const numbers = stored.reduce((sum, [, entry]) => sum + sizeOf(entry), 0);
  const { total } = parameterCount(config);
  if (total > 2 * numbers) // before memory is taken
    throw new FormatError("MODEL_MISMATCH", file, 0, `the configuration is of a model of ${total} numbers, but the file has only ${numbers}`); // biome-ignore format: a line
  const model = skipInit(() => new SigLip(new Rng(0), config));
  const parameters = parametersOf(model);
  const shapes = new Map([...parameters].map(([path, { shape }]) => [path, shape]));
  const { links } = linksOf(ownTable(shapes.keys(), prefix), shapes);
  checkTensors(links, source, file, (name) => name.startsWith(prefix)); // a checkpoint also has the optimizer's
  readLinks(links, source, (path) => parameters.get(path)!.value.data);
  return model;
}

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
  const greys = Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3));
  const table = preprocess({ data: greys, height: 1, width: 256 }, { steps: [], values }).pixels; // [256, 3]
  return (ink) => Float32Array.from(toBytes(ink), (byte, i) => table[3 * byte + (i % 3)]);
}

/** A model with its pictures embedded. */
export class Searcher {
  readonly model: SigLip;
  readonly #stored: StoredModel;
  readonly #zimg: Float32Array;

  /** Throws the errors of `modelOf` and `picturesFor`, and `NonFiniteError` for weights that are not finite. */
  constructor(atlas: Atlas, stored: StoredModel) {
    const { vocabSize } = stored.tokenizer;
    if (vocabSize > stored.config.text.vocabSize)
      throw new ModelFilesError(`the tokenizer has ${vocabSize} ids, and the model ${stored.config.text.vocabSize} rows of tokens; it belongs to another model`); // biome-ignore format: a line
    this.#stored = stored;
    this.model = modelOf(stored);
    this.#zimg = embedPictures(this.model, picturesFor(atlas, stored));
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
