/** Batches and test sets of the user's images: what the towers see. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { filesImages, filesPairs, filesPictures } from "../../src/data/files.ts";
import { filesFrom, type OpenedFiles, openFiles } from "../../src/data/filesOpen.ts";
import { augmentations, newBatch, preprocess, readImage, readPicture } from "../../src/data/index.ts";
import type { PictureForm } from "../../src/data/pictureForm.ts";
import { huggingFacePreprocessing } from "../../src/data/preprocess/huggingFace.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";

const folder = fileURLToPath(new URL("../fixtures/sources/folder", import.meta.url));
const ink: PictureForm = { kind: "ink", stored: 30, trim: false };
const spec = huggingFacePreprocessing({ size: { height: 20, width: 20 } }, "");

const open = (form: PictureForm = ink): Promise<OpenedFiles> =>
  openFiles({ path: folder, image: "auto", text: "auto", allowBad: 0, form });

const all = Int32Array.from({ length: 8 }, (_, i) => i);
const options = { tokenizer: byteTokenizer, length: 32, side: 20, chosen: all };
const files = readdirSync(folder).filter((name) => /png|webp/.test(name));

let data: OpenedFiles;
beforeAll(async () => {
  data = await open();
});

describe("filesPairs", () => {
  it("draws a batch that depends on seed and step alone, row by row as in one piece, on every thread", () => {
    const pairs = filesPairs(data, { ...options, views: 2 });
    const elsewhere = filesPairs(filesFrom(data.rendered), { ...options, views: 2 });
    const whole = pairs.batch(3, 5, 4);
    expect(elsewhere.batch(3, 5, 4)).toEqual(whole);
    expect(pairs.batch(3, 6, 4).images).not.toEqual(whole.images);
    const part = elsewhere.batch(3, 5, 4, newBatch(1, pairs), 2);
    expect(part.images).toEqual(whole.images.subarray(2 * 2400, 3 * 2400));
    expect(part.tokens).toEqual(whole.tokens.subarray(64, 96));
    expect(whole.images.subarray(0, 1200)).not.toEqual(whole.images.subarray(1200, 2400)); // the two views of an item
  });

  it("shows every image once in an epoch, with each of its captions in some epoch", () => {
    const pairs = filesPairs(data, options);
    const seen = new Set<string>();
    for (let epoch = 0; epoch < 12; epoch++) {
      const { items, tokens } = pairs.batch(0, epoch, 8);
      expect([...items].sort()).toEqual([...all]);
      items.forEach((item, row) => {
        const text = byteTokenizer.decode(tokens.subarray(row * 32, (row + 1) * 32));
        expect(data.items[item].captions.map((caption) => caption.text.toLowerCase())).toContain(text);
        seen.add(text);
      });
    }
    expect(seen.size).toBe(9);
  });

  it("shows only chosen images, and embeddings in their place", () => {
    const chosen = Int32Array.of(2, 5);
    const { items } = filesPairs(data, { ...options, chosen }).batch(0, 0, 2);
    expect([...items].sort()).toEqual([2, 5]);
    const embedded = filesPairs(data, { ...options, chosen, embeddings: Float32Array.of(1, 2, 3, 4) }).batch(0, 0, 2);
    embedded.items.forEach((item, row) => {
      expect([...embedded.images.subarray(2 * row, 2 * row + 2)]).toEqual(item === 2 ? [1, 2] : [3, 4]);
    });
  });

  it("without augmentation shows the images of filesImages, to the same bits", () => {
    const { items, images } = filesPairs(data, { ...options, augmentation: augmentations.none }).batch(0, 0, 8);
    const list = filesImages(data, all, 20);
    items.forEach((item, row) => {
      expect(images.subarray(row * 1200, (row + 1) * 1200)).toEqual(list.pixels(item, item + 1));
    });
  });
});

describe("filesPictures", () => {
  it("has the pixels that a search has of the same file, and every caption with its image", async () => {
    const pictures = filesPictures(data, all, 20);
    for (const [i, name] of pictures.names.entries()) {
      const { pixels } = await readPicture(join(folder, name), { side: 20, trim: false, stored: 30 });
      expect(pictures.pixels(i, i + 1)).toEqual(pixels);
    }
    expect(pictures.texts).toHaveLength(9);
    pictures.texts.forEach((text, j) => {
      expect(data.items[pictures.owner[j]].captions.map((caption) => caption.text)).toContain(text);
    });
  });

  it("of released weights has the pixels of their preprocessing, to the last bit", async () => {
    const opened = await open({ kind: "preprocessed", stored: 20, spec });
    const pictures = filesPictures(opened, all, 20);
    const pairs = filesPairs(opened, { ...options, augmentation: augmentations.none });
    const batch = pairs.batch(0, 0, 8);
    for (const [i, name] of pictures.names.entries()) {
      const { pixels } = preprocess(await readImage(join(folder, name)), spec);
      expect(pictures.pixels(i, i + 1)).toEqual(pixels);
      const row = batch.items.indexOf(i);
      expect(batch.images.subarray(row * 1200, (row + 1) * 1200)).toEqual(pixels);
      expect(pairs.toRgb!(pixels)).toEqual(pictures.rgb(i));
    }
    expect([...pictures.names].sort()).toEqual(files);
    expect(pictures.rgb(0)).toHaveLength(1200);
  });
});
