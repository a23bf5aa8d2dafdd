/** Opens captioned images: finds out what a path holds, reads every image, and decodes those that the cache lacks. */
import { type DecodeFiles, decodeFiles, type PicturePlaces, pictureReader } from "./decodeFiles.ts";
import type { RenderedPictures } from "./emoji.ts";
import type { FileImages, FileItem } from "./files.ts";
import { storedBytes } from "./pictureForm.ts";
import { openSource } from "./sources/openSource.ts";
import { type BadRow, type Source, SourceError } from "./sources/row.ts";
import { scanSource } from "./sources/scan.ts";

/** Options of `openFiles`. */
export interface OpenFiles extends DecodeFiles {
  /** The column of images and that of captions, or "auto". */
  readonly image: string;
  readonly text: string;
  /** The share of rows that may be unusable. */
  readonly allowBad: number;
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
  const { path, image, text, warn = () => {}, form } = options;
  const source = await openSource(path, { image, text, warn });
  const { images, ...scan } = await scanSource(source);
  const { places, cutOff, broken } = await decodeFiles(images, options);
  const bad = [...scan.bad, ...broken.values()].sort((a, b) => inOrder.compare(a.where, b.where));
  checkBad(path, bad, scan.rows, options.allowBad);
  const items = images
    .map(({ sha256, name, captions, split }, i): FileItem => ({ sha256, name, captions, split, cutOff: cutOff[i] }))
    .filter((_, i) => !broken.has(i));
  const rendered = renderedOf({ items, form }, places);
  return { ...scan, bad, ...filesFrom(rendered), rendered };
}

/** Line 9 before line 10. */
const inOrder = new Intl.Collator("en", { numeric: true });

type Items = Pick<FileImages, "items" | "form">;

const ITEMS = "items.json";
const PICTURES = "pictures.bin";

function renderedOf(items: Items, places: PicturePlaces): RenderedPictures {
  const { bytes, ...file } = "bytes" in places ? places : { bytes: undefined, ...places };
  const text = new TextEncoder().encode(JSON.stringify({ ...items, ...file }));
  const shared = new Uint8Array(new SharedArrayBuffer(text.length));
  shared.set(text);
  return new Map([[ITEMS, shared], ...(bytes ? ([[PICTURES, bytes]] as const) : [])]);
}

/** The images that another thread has opened. */
export function filesFrom(rendered: RenderedPictures): FileImages {
  const text = new TextDecoder().decode(Uint8Array.from(rendered.get(ITEMS)!)); // not shared
  const { items, form, ...file } = JSON.parse(text) as Items & Exclude<PicturePlaces, { bytes: Uint8Array }>;
  const bytes = rendered.get(PICTURES);
  return { items, form, picture: pictureReader(bytes ? { bytes } : file, storedBytes(form)) };
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
