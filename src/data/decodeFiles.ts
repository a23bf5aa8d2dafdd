/**
 * Decodes the images of a source once. Their pictures lie in memory that threads share, or, if they are too many, in the cache file, from
 * which every thread reads the ones that it draws.
 */
import { createHash } from "node:crypto";
import { openSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { PictureError } from "./pictureError.ts";
import { type PictureForm, storedBytes } from "./pictureForm.ts";
import type { StoredPicture } from "./pictures.ts";
import { PreparedPictures } from "./preparedPictures.ts";
import { openPreparer, type Preparer } from "./preparer.ts";
import { type BadRow, SourceError } from "./sources/row.ts";
import type { SourceImage } from "./sources/scan.ts";

/** Version of decoding and resampling: what an older one has cached is not read. */
const RECIPE = 1;
/** Images that are read or decoded at a time: without threads as many as libuv has, else two for each. */
const atOnce = (threads: number): number => Math.max(4, 2 * threads);
/** The most bytes of all pictures in memory. */
export const MOST_IN_MEMORY = 2 ** 31;

/** Where pictures lie, as plain data. */
export type PicturePlaces =
  | { readonly bytes: Uint8Array }
  | {
      readonly file: string;
      /** Position of each picture. */
      readonly at: readonly number[];
    };

/** Reads pictures of a size by their number. */
export function pictureReader(places: PicturePlaces, size: number): (item: number) => Uint8Array {
  if ("bytes" in places) return (item) => places.bytes.subarray(item * size, (item + 1) * size);
  const file = openSync(places.file, "r"); // open until the thread ends, so that nobody can take the file away
  return (item) => {
    const picture = new Uint8Array(size);
    readSync(file, picture, 0, size, places.at[item]);
    return picture;
  };
}

/** How images are decoded. */
export interface DecodeFiles {
  /** The source, which names the cache file. */
  readonly path: string;
  readonly form: PictureForm;
  /** The folder that caches decoded pictures; without one they are decoded every time. */
  readonly cache?: string | undefined;
  /** More bytes than this are read from the cache file; 2 GiB by default. */
  readonly mostInMemory?: number;
  /** Threads that decode many images; 1 by default, which is this one. */
  readonly threads?: number | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Receives what takes time or space. */
  readonly note?: ((message: string) => void) | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Decoded images. */
export interface DecodedFiles {
  /** The pictures of those that could be decoded, in their order. */
  readonly places: PicturePlaces;
  /** For each image, the share of its area that was cut off around the content. */
  readonly cutOff: readonly number[];
  /** Those that cannot be decoded, by their number. */
  readonly broken: ReadonlyMap<number, BadRow>;
}

/** Decodes images, or reads them from the cache. Throws `SourceError` if they fit neither into memory nor into a cache file. */
export async function decodeFiles(images: readonly SourceImage[], options: DecodeFiles): Promise<DecodedFiles> {
  const { path, form, cache, mostInMemory = MOST_IN_MEMORY, progress = () => {}, note = () => {} } = options;
  const { warn = () => {}, threads = 1 } = options;
  const size = storedBytes(form);
  const total = images.length * size;
  const memory = total <= mostInMemory ? new Uint8Array(new SharedArrayBuffer(total)) : undefined;
  const store = cacheOf(cache, path, form, warn);
  if (!memory && store.file === undefined) {
    throw new SourceError(
      `--data ${path}: ${images.length} images take ${mib(total)} when decoded, more than the ${mib(mostInMemory)} that are held in memory, and there is no cache file to hold them; name a folder that can be written in SIGLIP_CACHE`,
    );
  }
  const cutOff = new Array<number>(images.length).fill(0);
  const broken = new Map<number, BadRow>();
  const keep = (i: number, picture: Uint8Array, percent: number): void => {
    memory?.set(picture, i * size);
    cutOff[i] = percent / 100;
  };
  const record = new Uint8Array(size + 1); // and the share that is cut off, in percent
  const missing: number[] = [];
  images.forEach(({ sha256 }, i) => {
    if (store.copy(sha256, record)) keep(i, record.subarray(0, size), record[size]);
    else missing.push(i);
  });
  if (missing.length > 0) {
    const where = store.file === undefined ? "in memory" : `kept in ${store.file}`;
    note(`decoding ${missing.length} of ${images.length} images, ${mib(total)} when decoded, ${where}`);
  }
  let done = 0;
  const preparer = openPreparer(missing.length, threads);
  await concurrently(missing, atOnce(threads), async (i) => {
    const found = await decodeOne(images[i], form, preparer);
    if ("reason" in found) broken.set(i, found);
    else {
      const percent = Math.round(100 * found.cutOff);
      keep(i, found.picture, percent);
      store.add(images[i].sha256, Buffer.concat([found.picture, Uint8Array.of(percent)]));
    }
    progress(++done, missing.length);
  }).finally(() => preparer.close());
  store.close();
  const kept = [...images.keys()].filter((i) => !broken.has(i));
  const places = memory
    ? compact(memory, kept, size)
    : placesIn(
        store.file!,
        form,
        kept.map((i) => images[i]),
        path,
      );
  return { places, cutOff, broken };
}

/** Moves the pictures that are kept together. */
function compact(bytes: Uint8Array, kept: readonly number[], size: number): PicturePlaces {
  kept.forEach((i, to) => {
    if (to < i) bytes.copyWithin(to * size, i * size, (i + 1) * size);
  });
  return { bytes: bytes.subarray(0, kept.length * size) };
}

/** Where the pictures of images lie in a cache file. */
function placesIn(file: string, form: PictureForm, images: readonly SourceImage[], path: string): PicturePlaces {
  const store = new PreparedPictures(file, storedBytes(form) + 1);
  const at = images.map(({ sha256 }) => store.placeOf(sha256));
  store.close();
  if (at.every((place) => place !== undefined)) return { file, at };
  throw new SourceError(`--data ${path}: not all decoded pictures could be written to ${file}; is the disk full?`);
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

interface Store extends Pick<PreparedPictures, "copy" | "add" | "close"> {
  readonly file?: string;
}
const noStore: Store = { copy: () => false, add() {}, close() {} };

/** The cache of a source; if it cannot be written, pictures are not kept, with one warning. */
function cacheOf(cache: string | undefined, path: string, form: PictureForm, warn: (message: string) => void): Store {
  if (cache === undefined) return noStore;
  const key = JSON.stringify([RECIPE, resolve(path), form]);
  const file = join(cache, "files", `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.bin`);
  const say = (error: unknown): void => warn(`decoded pictures are not kept in ${file}: ${(error as Error).message}`);
  try {
    const store = new PreparedPictures(file, storedBytes(form) + 1);
    let works = true;
    return {
      file,
      copy: (sha256, out) => store.copy(sha256, out),
      close: () => store.close(),
      add(sha256, pixels) {
        if (!works) return;
        try {
          store.add(sha256, pixels);
        } catch (error) {
          works = false;
          say(error);
        }
      },
    };
  } catch (error) {
    say(error);
    return noStore;
  }
}

/** Runs a task for each of some numbers, so many at a time. */
async function concurrently(
  all: readonly number[],
  atOnce: number,
  task: (each: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) await task(all[next++]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function decodeOne(
  { name, where, read, sha256 }: SourceImage,
  form: PictureForm,
  preparer: Preparer,
): Promise<StoredPicture | BadRow> {
  try {
    const bytes = await read();
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      return { where, reason: "it changed while it was read; start again" };
    }
    return await preparer.stored(form, bytes, name);
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { where, reason: error.message };
  }
}
