/**
 * `node page/atlas/build.ts`: draws the atlas again, after an update of an emoji package.
 *
 * The atlas holds 613 emoji in four styles, 24 × 24 pixels each, with 16 levels a channel to keep it below a megabyte: all animals, foods
 * and activities, every second one of places and objects. It is an opaque lossless picture, so a browser decodes it to the same bytes as
 * Node: premultiplied colours in the upper half, alpha as grey in the lower half.
 */
import { writeFileSync } from "node:fs";
import sharp from "sharp";
import { cacheFolder } from "../../src/cli/cacheFolder.ts";
import { type Emoji, openEmoji } from "../../src/data/index.ts";
import { CELL, cellOf, type Names, sizeOf } from "./atlas.ts";

const STYLES = ["noto", "twemoji", "fluent", "openmoji"] as const;
const STORED = 48; // side of the pictures of openEmoji
const STEP = 17; // 255 / 15

/** The emoji of the atlas, as indices. */
function chosen(emoji: readonly Emoji[]): number[] {
  const whole = new Set(["animals-nature", "food-drink", "activities"]);
  const half = new Set(["travel-places", "objects"]);
  return [...emoji.keys()].filter((i) => whole.has(emoji[i].group) || (half.has(emoji[i].group) && i % 2 === 0));
}

/** Mean of 2 × 2 stored pixels, rounded to one of 16 levels. */
function pixel(picture: Uint8Array, x: number, y: number, channel: number): number {
  let sum = 0;
  for (const dy of [0, 1]) for (const dx of [0, 1]) sum += picture[((2 * y + dy) * STORED + 2 * x + dx) * 4 + channel];
  return STEP * Math.round(sum / 4 / STEP);
}

const cache = cacheFolder();
const data = await openEmoji({ plain: STYLES, ...(cache === undefined ? {} : { cache }) });
const items = chosen(data.emoji);
const names: Names = { styles: STYLES, names: items.map((item) => data.emoji[item].name) };
const { width, height } = sizeOf(names);
const rgb = new Uint8Array(width * height * 3);
STYLES.forEach((style, s) => {
  const pictures = data.pictures(style, false);
  items.forEach((item, i) => {
    const picture = pictures.subarray(item * STORED * STORED * 4, (item + 1) * STORED * STORED * 4);
    const { left, top } = cellOf(names, s, i);
    for (let y = 0; y < CELL; y++) {
      for (let x = 0; x < CELL; x++) {
        const colour = ((top + y) * width + left + x) * 3;
        const alpha = colour + (height / 2) * width * 3;
        for (let c = 0; c < 3; c++) {
          rgb[colour + c] = pixel(picture, x, y, c);
          rgb[alpha + c] = pixel(picture, x, y, 3);
        }
      }
    }
  });
});
const folder = new URL(".", import.meta.url);
const webp = await sharp(rgb, { raw: { width, height, channels: 3 } })
  .webp({ lossless: true, effort: 5 })
  .toBuffer();
writeFileSync(new URL("emoji.webp", folder), webp);
writeFileSync(new URL("emoji.json", folder), `${JSON.stringify(names)}\n`);
console.log(`${items.length} emoji in ${STYLES.length} styles, ${width} × ${height} pixels, ${webp.length} bytes`);
