/**
 * The images of a source, each once, in an order that depends on nothing but their bytes.
 *
 *   rows → by SHA-256 of the image: captions of all its rows, sorted → images sorted by SHA-256
 *
 * So the same images with the same captions are the same data, however a table lists them, names them or repeats them: an image
 * that stands in five rows has five captions. The split, if the source names none, follows from the SHA-256 too: a copy under
 * another name cannot be in both parts.
 */
import { createHash } from "node:crypto";
import { PictureError } from "../pictureError.ts";
import { type BadRow, isGood, type Row, type Source, type Split } from "./row.ts";

/** A caption, with its language if the source names it. */
export interface Caption {
  readonly text: string;
  readonly language?: string | undefined;
}

/** An image of a source with all its captions. */
export interface SourceImage {
  /** SHA-256 of its file, in hex. */
  readonly sha256: string;
  readonly name: string;
  readonly where: string;
  readonly captions: readonly Caption[];
  readonly split?: Split | undefined;
  read(): Promise<Uint8Array>;
}

/** What was found in a source. */
export interface Scan {
  readonly source: Source;
  /** Good and bad ones. */
  readonly rows: number;
  readonly images: readonly SourceImage[];
  readonly bad: readonly BadRow[];
  /** Captions with nothing but white space that stand beside others of their row; they are left out. */
  readonly emptyCaptions: number;
  /** Rows whose image is that of an earlier row. */
  readonly repeatedImages: number;
  /** Images that are listed both for training and for testing; they are tested only. */
  readonly inTwoSplits: number;
}

/** A caption as it is kept: its words do not change with the white space at its ends. */
const cleaned = (text: string): string => text.trim();

const EMPTY = "its caption is empty or white space; write what the image shows";

interface Found {
  readonly row: Row;
  readonly captions: Map<string, Caption>;
  split: Split | undefined;
}

/** Reads all rows and the bytes of their images. `progress` receives the number of rows so far. */
export async function scanSource(source: Source, progress: (rows: number) => void = () => {}): Promise<Scan> {
  const found = new Map<string, Found>();
  const bad: BadRow[] = [];
  let [rows, emptyCaptions, repeatedImages, inTwoSplits] = [0, 0, 0, 0];
  for await (const row of source.rows()) {
    progress(++rows);
    if (!isGood(row)) {
      bad.push(row);
      continue;
    }
    const captions = row.texts.map(cleaned).filter((text) => text !== "");
    const sha256 = captions.length > 0 ? await hashOf(row) : { where: row.where, reason: EMPTY };
    if (typeof sha256 !== "string") {
      bad.push(sha256);
      continue;
    }
    emptyCaptions += row.texts.length - captions.length;
    const known = found.get(sha256);
    const image = known ?? { row, captions: new Map(), split: row.split };
    found.set(sha256, image);
    for (const text of captions) image.captions.set(text, { text, language: row.language });
    if (known === undefined) continue;
    repeatedImages++;
    if (row.split === known.split) continue;
    inTwoSplits++;
    known.split = tested(known.split, row.split);
  }
  const images = [...found].map(([sha256, { row, captions, split }]) => ({
    ...{ sha256, name: row.name, where: row.where, split, read: row.read },
    captions: [...captions.values()].sort((a, b) => compare(a.text, b.text)),
  }));
  images.sort((a, b) => compare(a.sha256, b.sha256));
  return { source, rows, images, bad, emptyCaptions, repeatedImages, inTwoSplits };
}

/** By code unit, the same everywhere. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Of two splits the one that training does not see. */
const tested = (a: Split | undefined, b: Split | undefined): Split | undefined =>
  [a, b].find((split) => split === "test") ?? [a, b].find((split) => split === "validation") ?? a;

async function hashOf({ read, where }: Row): Promise<string | BadRow> {
  try {
    return createHash("sha256")
      .update(await read())
      .digest("hex");
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { where, reason: error.message };
  }
}
