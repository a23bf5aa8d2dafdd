/**
 * Recall on training pictures beside recall on test pictures, cheaply: R@1 of text → picture within a sample of each. Both samples have
 * the same size, since among more pictures the right one is harder to find.
 */
import type { PictureSet } from "../data/index.ts";
import { retrieval } from "../eval/index.ts";
import { Rng } from "../tensor/index.ts";
import { embedPictures, embedTexts } from "./embed.ts";
import type { EmbeddedSet, Embedder } from "./evaluation.ts";
import { joined } from "./joined.ts";

const MOST = 256; // pictures in a sample

/** R@1 of text → picture within each sample. */
export interface SampleRecall {
  readonly train: number;
  readonly test: number;
}

/** Measures both. The same pictures are chosen at every step; every device takes part. */
export function sampleRecall(
  { model, tokenizer, length, comm }: Embedder,
  trained: PictureSet,
  { test, zimg, ztxt }: EmbeddedSet,
): SampleRecall {
  const size = Math.min(MOST, trained.count, test.pictures.count);
  const [ofTraining, ofTest] = [trained, test.pictures].map((set) => chosen(set, size));
  const d = model.embedDim;
  const rows = (all: Float32Array, indices: readonly number[]): Float32Array =>
    joined(indices.map((i) => all.subarray(i * d, (i + 1) * d)));
  const pictures = {
    count: size,
    side: trained.side,
    pixels: (from = 0, end = size) => joined(ofTraining.pictures.slice(from, end).map((i) => trained.pixels(i, i + 1))),
  };
  const texts = ofTraining.texts.map((j) => trained.texts[j]);
  return {
    train: firstRight(embedPictures(model, pictures, comm), embedTexts(model, tokenizer, texts, length, comm), size),
    test: firstRight(rows(zimg, ofTest.pictures), rows(ztxt, ofTest.texts), size),
  };
}

/** So many pictures at random, each with its first text. */
function chosen({ count, owner }: PictureSet, size: number): { pictures: number[]; texts: number[] } {
  const pictures = Array.from(new Rng(0).split("sample").permutation(count).subarray(0, size));
  const textOf = new Map<number, number>();
  owner.forEach((picture, text) => {
    if (!textOf.has(picture)) textOf.set(picture, text);
  });
  return { pictures, texts: pictures.map((picture) => textOf.get(picture)!) };
}

/** R@1 of text i → picture i. */
const firstRight = (zimg: Float32Array, ztxt: Float32Array, size: number): number =>
  retrieval(
    zimg,
    ztxt,
    Int32Array.from({ length: size }, (_, i) => i),
    [1],
  ).recall[0].textToImage;
