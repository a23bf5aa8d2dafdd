/** The atlas of the page in Node. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { type Atlas, cut, type Names } from "../../page/atlas/atlas.ts";

const at = (name: string): URL => new URL(`../../page/atlas/${name}`, import.meta.url);

export async function readAtlas(): Promise<Atlas> {
  const names = JSON.parse(readFileSync(at("emoji.json"), "utf8")) as Names;
  const { data, info } = await sharp(readFileSync(at("emoji.webp")))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return cut(names, data, info.channels as 3 | 4);
}
