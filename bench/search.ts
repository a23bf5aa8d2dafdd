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
import { openIndex, type PhotoModel, searchPhotos, updateIndex } from "../src/photos/index.ts";
import { IndexWriter } from "../src/photos/writer.ts";
import { embedPictures, realFs } from "../src/run/index.ts";
import { decodeVariant, SigLip, type SigLipConfig } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { atMost, type Row } from "./row.ts";

const AT_ONCE = 50_000; // pictures of a segment

/** `count` unit vectors, their numbers about normal: sums of the four bytes of a random number. */
function unitRows(count: number, d: number, seed: number): Float32Array {
  const rows = new Float32Array(count * d);
  let random = seed;
  for (let from = 0; from < rows.length; from += d) {
    let squares = 0;
    for (let k = from; k < from + d; k++) {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const x = (random & 255) + ((random >>> 8) & 255) + ((random >>> 16) & 255) + (random >>> 24) - 510;
      rows[k] = x;
      squares += x * x;
    }
    const length = Math.sqrt(squares);
    for (let k = from; k < from + d; k++) rows[k] /= length;
  }
  return rows;
}

const unexpected = (message: string): void => void process.stderr.write(`${message}\n`);

/** Writes an index of random unit vectors. */
function writeIndex(path: string, count: number, d: number): void {
  const of = { model: { path: "", fingerprint: "" }, folder: join(path, ".."), width: d };
  const writer = IndexWriter.open(path, of, new Date(0), unexpected, realFs);
  for (let from = 0; from < count; from += AT_ONCE) {
    const rows = unitRows(AT_ONCE, d, from + 1);
    const changes = Array.from({ length: AT_ONCE }, (_, i) => {
      const line = {
        file: `${(from + i) % 1000}/${from + i}.jpg`,
        bytes: 1,
        modified: 0,
        sha256: `${from + i}`.padEnd(64),
      };
      return { line, embedding: rows.subarray(i * d, (i + 1) * d) };
    });
    writer.commit(changes);
  }
  writer.release();
}

/** The ten most similar pictures, best of some searches; the time to open the index; the memory, also of writing it. */
function searching(count: number, d: number): Row {
  const folder = mkdtempSync(join(tmpdir(), "siglip-bench-"));
  try {
    writeIndex(join(folder, ".index"), count, d);
    const begun = performance.now();
    const index = openIndex(join(folder, ".index"), unexpected);
    const openMs = performance.now() - begun;
    const query = unitRows(1, d, 99);
    let [ms, cpuMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let run = 0; run < 9; run++) {
      const [start, before] = [performance.now(), process.cpuUsage()];
      searchPhotos(index, query, { top: 10, minProbability: 0, t: 10 });
      const { user, system } = process.cpuUsage(before);
      ms = Math.min(ms, performance.now() - start);
      cpuMs = Math.min(cpuMs, (user + system) / 1e3);
    }
    index.close();
    const figures = { ms, cpuMs, openMs, peakGiB: process.resourceUsage().maxRSS / 2 ** 20 };
    return atMost({ bench: "search", case: `${count} pictures, d ${d}`, ...figures, ratio: {} }, { ms: 150 });
  } finally {
    rmSync(folder, { recursive: true });
  }
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
    const options = { now: new Date(0), warn: unexpected, devices };
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
    const options = { now: new Date(0), warn: unexpected };
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
  yield searching(1_000_000, 768);
  const [tiny, small] = Object.entries(MODELS);
  yield await unchanged(tiny[1]);
  for (const devices of new Set([1, availableParallelism()])) yield await indexing(...tiny, 1000, devices);
  yield await indexing(...small, 32, 1);
}
