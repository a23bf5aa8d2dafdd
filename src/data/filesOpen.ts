/** Opens captioned images: finds out what a path holds, reads every image, and decodes those that the cache lacks. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import type { RenderedPictures } from "./emoji.ts";
import type { FileImages, FileItem } from "./files.ts";
import { PictureError } from "./pictureError.ts";
import { type PictureForm, storedBytes, storedIn } from "./pictureForm.ts";
import type { StoredPicture } from "./pictures.ts";
import { PreparedPictures } from "./preparedPictures.ts";
import { openSource } from "./sources/openSource.ts";
import { type BadRow, type Source, SourceError } from "./sources/row.ts";
import { type Scan, type SourceImage, scanSource } from "./sources/scan.ts";

/** Version of decoding and resampling: what an older one has cached is not read. */
const RECIPE = 1;
/** Images that are decoded at a time: as many as libuv has threads. */
const AT_ONCE = 4;
/** The most bytes of all pictures in memory. */
const MOST_BYTES = 8 * 2 ** 30;

/** Options of `openFiles`. */
export interface OpenFiles {
  /** A folder or file. */
  readonly path: string;
  /** The column of images and that of captions, or "auto". */
  readonly image: string;
  readonly text: string;
  /** The share of rows that may be unusable. */
  readonly allowBad: number;
  readonly form: PictureForm;
  /** The folder that caches decoded pictures; without one they are decoded every time. */
  readonly cache?: string | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Receives what takes time or space. */
  readonly note?: ((message: string) => void) | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Captioned images, and what was found on the way. */
export interface OpenedFiles extends FileImages {
  readonly source: Source;
  /** All rows, good and bad. */
  readonly rows: number;
  readonly bad: readonly BadRow[];
  readonly emptyCaptions: number;
  readonly repeatedImages: number;
  readonly inTwoSplits: number;
  /** The same as files, for other threads. */
  readonly rendered: RenderedPictures;
}

/** Opens captioned images. Throws `SourceError` if there are none or too many are unusable, and `FormatError`. */
export async function openFiles(options: OpenFiles): Promise<OpenedFiles> {
  const { path, image, text, warn = () => {}, progress = () => {}, form } = options;
  const source = await openSource(path, { image, text, warn });
  const scan = await scanSource(source);
  const bytes = scan.images.length * storedBytes(form);
  if (bytes > MOST_BYTES) {
    throw new SourceError(
      `--data ${path}: ${scan.images.length} images of ${form.stored} × ${form.stored} pixels take ${gib(bytes)}, and at most ${gib(MOST_BYTES)} are held in memory; lower model.image.imageSize, or take fewer images`,
    );
  }
  const { pictures, cutOff, broken } = await decoded(scan, options, progress);
  const bad = [...scan.bad, ...broken.values()].sort((a, b) => inOrder.compare(a.where, b.where));
  checkBad(path, bad, scan.rows, options.allowBad);
  const items = scan.images
    .map(({ sha256, name, captions, split }, i): FileItem => ({ sha256, name, captions, split, cutOff: cutOff[i] }))
    .filter((_, i) => !broken.has(i));
  const { rows, emptyCaptions, repeatedImages, inTwoSplits } = scan;
  const found = { source, rows, bad, emptyCaptions, repeatedImages, inTwoSplits };
  return { ...found, items, form, pictures, rendered: renderedOf(items, form, pictures) };
}

/** Line 9 before line 10. */
const inOrder = new Intl.Collator("en", { numeric: true });

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const ITEMS = "items.json";
const PICTURES = "pictures.bin";

function renderedOf(items: readonly FileItem[], form: PictureForm, pictures: Uint8Array): RenderedPictures {
  const text = new TextEncoder().encode(JSON.stringify({ form, items }));
  const shared = new Uint8Array(new SharedArrayBuffer(text.length));
  shared.set(text);
  return new Map([
    [ITEMS, shared],
    [PICTURES, pictures],
  ]);
}

/** The images that another thread has opened. */
export function filesFrom(rendered: RenderedPictures): FileImages {
  const text = new TextDecoder().decode(Uint8Array.from(rendered.get(ITEMS)!)); // not shared
  return { ...(JSON.parse(text) as Pick<FileImages, "items" | "form">), pictures: rendered.get(PICTURES)! };
}

interface Decoded {
  readonly pictures: Uint8Array;
  /** For each image of the scan. */
  readonly cutOff: readonly number[];
  /** Those that cannot be decoded, by their place in the scan. */
  readonly broken: ReadonlyMap<number, BadRow>;
}

/** Decodes the images of a scan, or reads them from the cache; those that cannot be decoded are left out of the pictures. */
async function decoded(
  { images }: Scan,
  { path, form, cache, note = () => {}, warn = () => {} }: OpenFiles,
  progress: (done: number, total: number) => void,
): Promise<Decoded> {
  const size = storedBytes(form);
  const pictures = new Uint8Array(new SharedArrayBuffer(images.length * size));
  const cutOff = new Array<number>(images.length).fill(0);
  const broken = new Map<number, BadRow>();
  const store = cacheOf(cache, path, form, warn);
  const record = new Uint8Array(size + 1); // and the share that is cut off, in percent
  const missing: number[] = [];
  images.forEach(({ sha256 }, i) => {
    if (!store.copy(sha256, record)) {
      missing.push(i);
      return;
    }
    pictures.set(record.subarray(0, size), i * size);
    cutOff[i] = record[size] / 100;
  });
  if (missing.length > 0) {
    const where = store.file === undefined ? "in memory" : `kept in ${store.file}`;
    note(`decoding ${missing.length} of ${images.length} images, ${mib(images.length * size)} when decoded, ${where}`);
  }
  let done = 0;
  await concurrently(missing, AT_ONCE, async (i) => {
    const found = await decodeOne(images[i], form);
    if ("reason" in found) broken.set(i, found);
    else {
      pictures.set(found.picture, i * size);
      cutOff[i] = Math.round(100 * found.cutOff) / 100;
      store.add(images[i].sha256, Buffer.concat([found.picture, Uint8Array.of(Math.round(100 * found.cutOff))]));
    }
    progress(++done, missing.length);
  });
  store.close();
  let kept = 0;
  for (let i = 0; i < images.length; i++) {
    if (broken.has(i)) continue;
    if (kept < i) pictures.copyWithin(kept * size, i * size, (i + 1) * size);
    kept++;
  }
  return {
    pictures: pictures.subarray(0, kept * size),
    cutOff,
    broken,
  };
}

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
): Promise<StoredPicture | BadRow> {
  try {
    const bytes = await read();
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      return { where, reason: "it changed while it was read; start again" };
    }
    return await storedIn(form, bytes, name);
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { where, reason: error.message };
  }
}

const SHOWN = 20;

/** Rows that cannot be used, a line for each, at most `most`. */
export function badRowLines(bad: readonly BadRow[], most = SHOWN): string {
  const lines = bad.slice(0, most).map(({ where, reason }) => `  ${where}: ${reason}`);
  return [...lines, ...(bad.length > most ? [`  and ${bad.length - most} more`] : [])].join("\n");
}

function checkBad(path: string, bad: readonly BadRow[], rows: number, allowed: number): void {
  if (bad.length <= allowed * rows) return;
  const share = (100 * bad.length) / rows;
  throw new SourceError(
    `--data ${path}: ${bad.length} of ${rows} rows (${share.toFixed(1)} %) cannot be used, and data.allowBad allows ${100 * allowed} %; mend them, or allow more with --set data.allowBad=${(Math.ceil(share) / 100).toFixed(2)}\n${badRowLines(bad)}`,
  );
}
