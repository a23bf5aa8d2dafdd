import { describe, expect, it } from "vitest";
import type { PictureSet } from "../../src/data/index.ts";
import { embedPictures, embedTexts } from "../../src/run/embed.ts";
import { sampleRecall } from "../../src/run/sampleRecall.ts";
import { Rng } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

const SIDE = TINY.image.imageSize as number;
const model = tinyModel("f32", { ...TINY, text: { ...TINY.text, vocabSize: byteTokenizer.vocabSize } });
const embedder = { model, tokenizer: byteTokenizer, length: TINY.text.length };

/** Random pictures, each with the same text several times under different numbers. */
function setOf(count: number, textsOfEach: number): PictureSet {
  const size = SIDE * SIDE * 3;
  const rng = new Rng(count);
  const pixels = Float32Array.from({ length: count * size }, () => rng.uniform());
  const owner = Int32Array.from({ length: count * textsOfEach }, (_, j) => Math.floor(j / textsOfEach));
  return {
    count,
    side: SIDE,
    pixels: (from = 0, end = count) => pixels.slice(from * size, end * size),
    texts: Array.from(owner, (i, j) => `${i} ${j}`),
    owner,
    names: Array.from({ length: count }, String),
    rgb: () => new Uint8Array(size),
  };
}

const embedded = (pictures: PictureSet) => ({
  test: { name: "test", title: "test", pictures, known: [] },
  zimg: embedPictures(model, pictures),
  ztxt: embedTexts(model, byteTokenizer, pictures.texts, TINY.text.length),
});

describe("sampleRecall", () => {
  it("is the same for training and test if both show the same pictures", () => {
    const pictures = setOf(300, 1);
    const { train, test } = sampleRecall(embedder, pictures, embedded(pictures));
    expect(train).toBe(test);
  });

  it("takes as many pictures of both, so that the right one is equally hard to find", () => {
    const few = setOf(4, 2);
    const { train, test } = sampleRecall(embedder, setOf(300, 1), embedded(few));
    expect([0, 0.25, 0.5, 0.75, 1]).toContain(train); // of four
    expect([0, 0.25, 0.5, 0.75, 1]).toContain(test);
  });

  it("finds the only picture always", () => {
    expect(sampleRecall(embedder, setOf(1, 3), embedded(setOf(9, 1)))).toEqual({ train: 1, test: 1 });
  });
});
