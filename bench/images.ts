/**
 * A JPEG of 1024 × 768 as model input of 224 × 224, in each library's way: decoding and preprocessing, in CPU time of all threads.
 *
 * The anchor is sharp alone, which decodes and resizes (cubic, all pixels) and gives other bytes. A ViT-B/16 takes about 125 ms for
 * an image on one core, so preprocessing must take far less.
 */
import sharp from "sharp";
import {
  bigVisionPreprocessing,
  decodeImage,
  huggingFacePreprocessing,
  openClipPreprocessing,
  type PreprocessSpec,
  preprocess,
} from "../src/data/index.ts";
import { atMost, type Row } from "./row.ts";

const [WIDTH, HEIGHT, SIDE] = [1024, 768, 224];
const RUNS = 15;

const SPECS: Readonly<Record<string, PreprocessSpec>> = {
  "big_vision: bilinear": bigVisionPreprocessing(`resize(${SIDE})|value_range(-1,1)`),
  "big_vision: area and crop": bigVisionPreprocessing(`resize_small(${SIDE})|central_crop(${SIDE})|value_range(-1,1)`),
  "Hugging Face: bicubic": huggingFacePreprocessing({ size: { height: SIDE, width: SIDE } }, "bench"),
  "Hugging Face: bilinear": huggingFacePreprocessing({ size: { height: SIDE, width: SIDE }, resample: 2 }, "bench"),
  "open_clip: bicubic and crop": openClipPreprocessing({ resize_mode: "shortest" }, "bench", SIDE),
};

/** The least CPU time of some runs, in ms. */
async function cpuMs(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e3);
  }
  return least;
}

/** Smooth noise: compresses like a photograph. */
const picture = (): Promise<Buffer> =>
  sharp({
    create: {
      width: 256,
      height: 192,
      channels: 3,
      background: "#888",
      noise: { type: "gaussian", mean: 128, sigma: 40 },
    },
  })
    .resize(WIDTH, HEIGHT)
    .jpeg({ quality: 90 })
    .toBuffer();

export async function* imagesBench(): AsyncGenerator<Row> {
  const file = await picture();
  const image = await decodeImage(file, "bench.jpg");
  const decodeMs = await cpuMs(() => decodeImage(file, "bench.jpg"));
  const sharpMs = await cpuMs(() =>
    sharp(file).resize(SIDE, SIDE, { fit: "fill", kernel: "cubic", fastShrinkOnLoad: false }).raw().toBuffer(),
  );
  for (const [name, spec] of Object.entries(SPECS)) {
    const preprocessMs = await cpuMs(() => preprocess(image, spec));
    const figures = { decodeMs, preprocessMs, sharpMs, totalMs: decodeMs + preprocessMs };
    yield atMost(
      { bench: "images", case: name, ...figures, ratio: { sharp: sharpMs / figures.totalMs } },
      { totalMs: 40 },
    );
  }
}
