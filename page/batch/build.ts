/**
 * `node page/batch/build.ts`: trains the model of the page again, and writes the similarities of its square at some steps.
 *
 * Pictures are of the style that training never sees. Strict kernels, seed 0: every engine writes the same file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { chooseKernels } from "../../src/tensor/index.ts";
import { type Atlas, cut, type Names } from "../atlas/atlas.ts";
import { PageTraining } from "../train/training.ts";

const STEPS = [0, 100, 300, 1200];

/** The emoji of the square. */
const SHOWN = [
  "dog face",
  "cat face",
  "tiger face",
  "horse face",
  "red apple",
  "green apple",
  "tomato",
  "banana",
  "pizza",
  "hamburger",
  "hot beverage",
  "soccer ball",
  "basketball",
  "sunflower",
  "evergreen tree",
  "octopus",
];

async function readAtlas(): Promise<Atlas> {
  const at = (name: string): URL => new URL(`../atlas/${name}`, import.meta.url);
  const names = JSON.parse(readFileSync(at("emoji.json"), "utf8")) as Names;
  const { data, info } = await sharp(readFileSync(at("emoji.webp")))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return cut(names, data, info.channels as 3 | 4);
}

chooseKernels("strict");
const atlas = await readAtlas();
const items = SHOWN.map((name) => {
  const item = atlas.names.indexOf(name);
  if (item < 0) throw new Error(`${name} is not in the atlas`);
  return item;
});
const training = new PageTraining(atlas, 0);
const byPixels = training.byPixels();
const stages = STEPS.map((step) => {
  while (training.step < step) training.advance();
  const { similarities, imageToText, textToImage } = training.evaluate(items);
  console.log(step, imageToText, textToImage);
  return { step, similarities: Array.from(similarities, (s) => Math.round(1000 * s) / 1000) };
});
const file = { items, names: SHOWN, byPixels, stages };
writeFileSync(new URL("similarities.json", import.meta.url), `${JSON.stringify(file)}\n`);
