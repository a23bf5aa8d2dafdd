/** Loads and decodes the atlas in a browser. */

import { type Atlas, cut, sizeOf } from "./atlas.ts";
import names from "./emoji.json" with { type: "json" };
import url from "./emoji.webp";

let loaded: Promise<Atlas> | undefined;

/** The atlas, decoded once for all scenes. */
export function loadAtlas(): Promise<Atlas> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Atlas> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`atlas: ${url} is not there (${response.status}); build the page again`);
  const bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
  const { width, height } = sizeOf(names);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return cut(names, context.getImageData(0, 0, width, height).data, 4);
}
