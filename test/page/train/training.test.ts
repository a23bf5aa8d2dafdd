/** The training of the page in Node. */
import { beforeAll, expect, it } from "vitest";
import { type Atlas, CELL, PICTURE_BYTES } from "../../../page/atlas/atlas.ts";
import { BY_PIXELS, ITEMS, NAMES } from "../../../page/batch/batch.ts";
import { withOutlines } from "../../../page/train/data.ts";
import { PageTraining } from "../../../page/train/training.ts";
import { readAtlas } from "../atlas.ts";

let atlas: Atlas;
beforeAll(async () => {
  atlas = await readAtlas();
});

it("the nearest pixels find as many of the unseen style as the page says", () => {
  expect(new PageTraining(atlas, 0).byPixels()).toBeCloseTo(BY_PIXELS, 2);
});

it("the emoji of the square are those of the atlas", () => {
  expect(ITEMS.map((item) => atlas.names[item])).toEqual(NAMES);
});

it("every picture has content, and no colour above its alpha", () => {
  const { pictures } = atlas;
  for (let at = 0; at < pictures.length; at += 4) {
    const most = Math.max(pictures[at], pictures[at + 1], pictures[at + 2]);
    if (most > pictures[at + 3]) expect.fail(`byte ${at}: colour ${most} above alpha ${pictures[at + 3]}`);
  }
});

it("an outline is black, a pixel wide, and never inside a picture without holes", () => {
  const one = { styles: ["dot"], names: ["dot"], pictures: new Uint8Array(PICTURE_BYTES) };
  const middle = (12 * CELL + 12) * 4;
  one.pictures.set([255, 0, 0, 255], middle);
  const { pictures } = withOutlines(one);
  const opaque = Array.from({ length: CELL * CELL }, (_, i) => i).filter((i) => pictures[4 * i + 3] === 255);
  expect(opaque).toEqual([11, 12, 13].flatMap((y) => [11, 12, 13].map((x) => y * CELL + x)));
  expect(pictures.filter((byte, i) => i % 4 < 3 && byte > 0).length).toBe(1); // only the dot itself has a colour
});

it("pushing the bias and stopping t′ reach the model", () => {
  const training = new PageTraining(atlas, 0);
  training.advance();
  training.b = 2;
  training.rateOfT = 0;
  const before = training.model.tPrime.value.item();
  expect(training.advance().b).toBe(2);
  expect(training.model.tPrime.value.item()).toBe(before);
  training.rateOfT = 1;
  training.advance();
  expect(training.model.tPrime.value.item()).not.toBe(before);
});

it("a search finds as many pictures as were asked for, the likeliest first", () => {
  const found = new PageTraining(atlas, 0).search("dog face", 5);
  expect(found.length).toBe(5);
  expect(found.map(({ probability }) => probability)).toEqual(
    found.map(({ probability }) => probability).sort((a, b) => b - a),
  );
});
