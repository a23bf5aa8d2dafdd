/**
 * Search among 1,000,000 pictures, and the speed of indexing.
 *
 * A search compares the query with every picture. Indexing is measured against the engine alone, which embeds the same images from
 * memory: the difference is what files, decoding and preparing cost that does not happen meanwhile on other threads.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import sharp from "sharp";
import { decodeInput, huggingFacePreprocessing, type PictureInput, readBytes } from "../src/data/index.ts";
import { PhotoIndex, type PhotoModel, searchPhotos, updateIndex } from "../src/photos/index.ts";
import { embedPictures } from "../src/run/index.ts";
import { decodeVariant, SigLip, type SigLipConfig } from "../src/siglip/index.ts";
import { empty, Rng } from "../src/tensor/index.ts";
import { atMost, type Row } from "./row.ts";

/** Rows of random numbers that need not be unit vectors: the time does not depend on them. */
function indexOf(count: number, d: number): PhotoIndex {
  const rows = empty("bench", [count, d], "f32");
  for (let i = 0; i < rows.size; i++) rows.data[i] = ((Math.imul(i + 1, 2_654_435_761) >>> 8) & 255) / 128 - 1;
  const photos = Array.from({ length: count }, (_, i) => ({ file: `${i}`, bytes: 1, modified: 0, sha256: "" }));
  return new PhotoIndex("/", { path: "", fingerprint: "" }, photos, rows);
}

function searching(count: number, d: number): Row {
  const index = indexOf(count, d);
  const query = Float32Array.from({ length: d }, (_, k) => Math.sin(k));
  let [ms, cpuMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < 7; run++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    searchPhotos(index, query, { top: 10, minProbability: 0.5, t: 1 });
    const { user, system } = process.cpuUsage(before);
    ms = Math.min(ms, performance.now() - start);
    cpuMs = Math.min(cpuMs, (user + system) / 1e3);
  }
  const row = { bench: "search", case: `${count} pictures, d ${d}`, ms, cpuMs, bytes: count * d * 4, ratio: {} };
  return d === 64 ? atMost(row, { ms: 150 }) : row;
}

function modelOf(config: Pick<SigLipConfig, "image" | "embedDim">, input: PictureInput): PhotoModel {
  const text = { width: 64, depth: 1, mlpDim: 64, numHeads: 1, vocabSize: 300, length: 16, pooling: "last" as const };
  const model = new SigLip(new Rng(0), { ...config, text, temperatureInit: 10, biasInit: -10 });
  const side = model.config.image.imageSize as number;
  const read = async (file: string) => decodeInput(input, await readBytes(file), file);
  return {
    ...{ path: "", fingerprint: "", config: model.config, embedDim: model.embedDim },
    embedImages: (images) => model.embedImages(images),
    pictures: { height: side, width: side, settings: "", input, read },
  };
}

const map = { pooling: "map", posEmb: "learn" } as const;
const small = { width: 64, depth: 3, mlpDim: 256, numHeads: 4, patchSize: 12, imageSize: 24, ...map };
const spec = huggingFacePreprocessing({ size: { height: 224, width: 224 } }, "bench");
const MODELS: Readonly<Record<string, PhotoModel>> = {
  "size of --preset emoji": modelOf({ image: small, embedDim: 64 }, { kind: "ink", side: 24, trim: true }),
  "S/16, 224 × 224": modelOf(
    { image: { ...decodeVariant("S/16"), imageSize: 224, ...map }, embedDim: 384 },
    { kind: "preprocessed", spec },
  ),
};

/** Images a second of indexing photographs, prepared on so many threads, and of the engine alone on one. */
async function indexing(name: string, model: PhotoModel, count: number, devices: number): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "siglip-bench-"));
  try {
    const side = model.pictures.height;
    for (let i = 0; i < count; i++) {
      const noise = { type: "gaussian", mean: 60 + i, sigma: 40 } as const;
      const create = { width: 256, height: 192, channels: 3 as const, background: "#888", noise };
      const jpeg = await sharp({ create }).resize(1024, 768).jpeg({ quality: 90 }).toBuffer();
      writeFileSync(join(folder, `${i}.jpg`), jpeg);
    }
    const pixels = Float32Array.from({ length: count * side * side * 3 }, (_, i) => (i % 255) / 128 - 1);
    const start = performance.now();
    for (let i = 0; i < count; i += 32) {
      const rows = Math.min(32, count - i);
      const part = pixels.subarray(i * side * side * 3, (i + rows) * side * side * 3);
      embedPictures(model, {
        count: rows,
        side,
        pixels: (from = 0, end = rows) => part.subarray(from * side * side * 3, end * side * side * 3),
      });
    }
    const alone = performance.now() - start;
    const warn = (message: string): void => void process.stderr.write(`${message}\n`);
    const options = { now: new Date(0), warn, devices };
    const begun = performance.now();
    const { embedded } = await updateIndex(join(folder, ".index"), folder, model, options);
    const took = performance.now() - begun;
    const figures = { imagesPerSecond: (1e3 * embedded) / took, engineAlone: (1e3 * count) / alone };
    const threads = devices === 1 ? "one thread" : `${devices} threads`;
    return { bench: "search", case: `indexing, ${name}, ${threads}`, ...figures, ratio: { engine: alone / took } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The second look at 10,000 files that have not changed. */
async function unchanged(model: PhotoModel): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "siglip-bench-"));
  try {
    const png = encode({ width: 4, height: 4, channels: 3, depth: 8, data: new Uint8Array(48) });
    for (let i = 0; i < 10_000; i++) {
      const inner = join(folder, `${i % 100}`);
      mkdirSync(inner, { recursive: true });
      writeFileSync(join(inner, `${i}.png`), png);
    }
    await new Promise((resolve) => setTimeout(resolve, 2500)); // until the times of the files are trusted
    const options = { now: new Date(0), warn: (message: string) => void process.stderr.write(`${message}\n`) };
    const index = join(folder, ".index");
    await updateIndex(index, folder, model, options);
    const start = performance.now();
    const update = await updateIndex(index, folder, model, options);
    const ms = performance.now() - start;
    return atMost({ bench: "search", case: `${update.unchanged} unchanged files`, ms, ratio: {} }, { ms: 1000 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function* searchBench(): AsyncGenerator<Row> {
  yield searching(1_000_000, 64);
  yield searching(250_000, 768);
  const [tiny, small] = Object.entries(MODELS);
  yield await unchanged(tiny[1]);
  for (const devices of new Set([1, availableParallelism()])) yield await indexing(...tiny, 256, devices);
  yield await indexing(...small, 32, 1);
}
