/**
 * Label noise (SigLIP section 4.10, figure 7): training pairs that are spoiled at random.
 *
 *     image         an image is replaced by uniform noise
 *     text          a text is replaced by random tokens, of a random length
 *     alignment     some texts are shuffled among their rows
 *     image-text    image and text, each for itself
 *     all           all three, each for itself
 *
 * Each happens to a row with the given probability, a pure function of seed, step and row, as everything in a batch is. In all, rows
 * exchange their texts first, and a text that is then replaced is that of the row.
 */
import { Rng } from "../tensor/index.ts";
import { END } from "../tokenizers/index.ts";
import { type Batch, newBatch, type Pairs } from "./batches.ts";

/** What of a pair is spoiled. */
export type NoiseKind = "image" | "text" | "alignment" | "image-text" | "all";

/** The kinds of noise. */
export const NOISE_KINDS = ["image", "text", "alignment", "image-text", "all"] as const satisfies readonly NoiseKind[];

/** What is spoiled, and with which probability. */
export interface Noise {
  readonly kind: NoiseKind;
  readonly probability: number;
}

/** Whether a kind of noise replaces images: they are then other ones in every step. */
export const spoilsImages = (kind: NoiseKind | "none"): boolean =>
  kind === "image" || kind === "image-text" || kind === "all";

const MOST_INPUT = 2; // model input is 0 for white to 2 for no light

/** The same pairs, of which some are spoiled. `vocabSize` is that of their tokens. */
export function withNoise(pairs: Pairs, { kind, probability }: Noise, vocabSize: number): Pairs {
  const images = spoilsImages(kind);
  const texts = kind === "text" || kind === "image-text" || kind === "all";
  const partners = kind === "alignment" || kind === "all" ? partnersOfStep(probability) : undefined;
  const spare = newBatch(1, pairs);
  return {
    ...pairs,
    batch(seed, step, batch, into = newBatch(batch, pairs), first = 0) {
      pairs.batch(seed, step, batch, into, first);
      const partnerOf = partners?.(seed, step, batch);
      const ofStep = noiseOfStep(seed, step);
      for (let i = 0; i < into.items.length; i++) {
        const row = rowOf(into, i, pairs.length);
        const partner = partnerOf?.[first + i] ?? first + i;
        if (partner !== first + i) row.tokens.set(pairs.batch(seed, step, batch, spare, partner).tokens);
        const rng = ofStep.split(first + i);
        const spoil = (what: string, replace: (rng: Rng) => void): void => {
          const own = rng.split(what);
          if (own.uniform() < probability) replace(own);
        };
        if (images) spoil("image", (rng) => fillWithNoise(row.images, rng));
        if (texts) spoil("text", (rng) => row.tokens.set(randomTokens(pairs.length, vocabSize, rng)));
      }
      return into;
    },
  };
}

const noiseOfStep = (seed: number, step: number): Rng => new Rng(seed).split("noise").split(step);

/** The numbers of row i: all its images, and its tokens. */
function rowOf({ images, tokens, items }: Batch, i: number, length: number) {
  const size = images.length / items.length;
  return {
    images: images.subarray(i * size, (i + 1) * size),
    tokens: tokens.subarray(i * length, (i + 1) * length),
  };
}

function fillWithNoise(pixels: Float32Array, rng: Rng): void {
  for (let i = 0; i < pixels.length; i++) pixels[i] = MOST_INPUT * rng.uniform();
}

/** 1 to length − 1 random tokens, and the end. */
function randomTokens(length: number, vocabSize: number, rng: Rng): Int32Array {
  const tokens = new Int32Array(length).fill(END);
  const count = 1 + rng.integer(length - 1);
  for (let i = 0; i < count; i++) tokens[i] = END + 1 + rng.integer(vocabSize - 1);
  return tokens;
}

/** For each row of a step, the row whose text it gets: rows that are drawn with a probability exchange theirs. Caches one step. */
function partnersOfStep(probability: number): (seed: number, step: number, batch: number) => Int32Array {
  let key = "";
  let partners = new Int32Array(0);
  return (seed, step, batch) => {
    if (key === `${seed}/${step}/${batch}`) return partners;
    const rng = noiseOfStep(seed, step).split("alignment");
    const moved = Array.from({ length: batch }, (_, row) => row).filter(() => rng.uniform() < probability);
    const order = rng.permutation(moved.length);
    partners = Int32Array.from({ length: batch }, (_, row) => row);
    moved.forEach((row, i) => {
      partners[row] = moved[order[i]];
    });
    key = `${seed}/${step}/${batch}`;
    return partners;
  };
}
