/**
 * An index that is open for search. The embeddings stay in their files; in memory are 8-bit codes of them, a quarter as large, which
 * bound the score of every picture, and the embeddings of a sample. So a search reads the few embeddings whose scores matter.
 */
import { join } from "node:path";
import { FormatError } from "../formats/index.ts";
import { type Fs, isSystemError, realFs } from "../run/index.ts";
import { CodedRows } from "../tensor/index.ts";
import { type FactLine, isPhoto, type PhotoFacts } from "./facts.ts";
import { openSegment } from "./openSegment.ts";
import { MANIFEST, type Manifest, PhotoIndexError, readManifest, type SegmentEntry } from "./segments.ts";
import { folderOf } from "./writer.ts";

/** The folder of an index in the folder of its pictures. */
export const INDEX_FOLDER = ".siglip-index";

/** The index at a path: the path itself, or the index in the folder of its pictures; undefined if there is none. */
export function findIndex(path: string, fs: Fs = realFs): string | undefined {
  const isIndex = (each: string): boolean => fs.isFolder(each) && fs.list(each).includes(MANIFEST);
  return [path, join(path, INDEX_FOLDER)].find(isIndex);
}

/** Rows of embeddings that are stored together, some of which are of pictures. */
export interface IndexPart {
  readonly photos: readonly PhotoFacts[];
  /** The row of each picture, ascending. */
  readonly rows: readonly number[];
  /** The codes of all rows. */
  readonly codes: readonly CodedRows[];
  /** Reads the embedding in a row. */
  readonly read: (row: number) => Float32Array;
  /** Ends reading. */
  readonly close: () => void;
}

/** Most pictures of which the background is made: the error of its median is then a hundredth of its deviation. */
const SAMPLE = 10_000;

/** An index that is open for search, until it is closed. */
export class PhotoIndex {
  /** The indexed folder. */
  readonly folder: string;
  /** The model of the embeddings: where it was, and its fingerprint. */
  readonly model: Manifest["model"];
  readonly photos: readonly PhotoFacts[];
  readonly #parts: readonly IndexPart[];
  #sample: readonly Float32Array[] | undefined;

  constructor(folder: string, model: Manifest["model"], parts: readonly IndexPart[]) {
    this.folder = folder;
    this.model = model;
    this.photos = parts.flatMap(({ photos }) => photos);
    this.#parts = parts;
  }

  /** x·y of picture `i` with a query [d], in double precision. */
  score(i: number, query: Float32Array): number {
    return dot(this.embedding(i), query);
  }

  /** Numbers that the score of no picture with a query [d] exceeds. */
  scoreBounds(query: Float32Array): Float64Array {
    const bounds = new Float64Array(this.photos.length);
    let i = 0;
    for (const { codes, rows } of this.#parts) {
      const ofRows = codes.map((each) => each.upperBounds(query));
      let [part, start] = [0, 0]; // of the rows that are coded together
      for (const row of rows) {
        while (row - start >= ofRows[part].length) start += ofRows[part++].length;
        bounds[i++] = ofRows[part][row - start];
      }
    }
    return bounds;
  }

  /** The scores with a query [d] of pictures that are spread evenly over the index, 10,000 at most. */
  sampleScores(query: Float32Array): Float64Array {
    const step = Math.ceil(this.photos.length / SAMPLE) || 1;
    const length = Math.ceil(this.photos.length / step);
    this.#sample ??= Array.from({ length }, (_, i) => this.embedding(i * step));
    return Float64Array.from(this.#sample, (embedding) => dot(embedding, query));
  }

  /** The embedding of picture `i`, read from its file. Throws errors of the system. */
  embedding(i: number): Float32Array {
    let at = i;
    for (const { rows, read } of this.#parts) {
      if (at < rows.length) return read(rows[at]);
      at -= rows.length;
    }
    throw new RangeError(`the index has ${this.photos.length} pictures, none of number ${i}`);
  }

  /** Closes the files; the index cannot be searched any more. */
  close(): void {
    for (const { close } of this.#parts) close();
  }
}

/** x·y in double precision. */
export function dot(x: Float32Array, y: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k] * y[k];
  return sum;
}

/**
 * Opens the index at `path`, which keeps a file open for each segment until `close`. Damaged segments are left out with a warning.
 * Throws `PhotoIndexError` if there is no index or its manifest is damaged, and errors of the system.
 */
export function openIndex(path: string, warn: (message: string) => void, fs: Fs = realFs): PhotoIndex {
  const found = findIndex(path, fs);
  if (found === undefined) throw new PhotoIndexError(`${path} is not an index; make one with siglip index`);
  let manifest = manifestOf(found, fs);
  let opened = openSegments(found, manifest, fs);
  while (opened.warnings.length > 0) {
    const next = manifestOf(found, fs);
    if (JSON.stringify(next) === JSON.stringify(manifest)) break;
    manifest = next; // an indexer has replaced segments after the manifest was read
    for (const { close } of opened.segments) close();
    opened = openSegments(found, manifest, fs);
  }
  for (const warning of opened.warnings) warn(warning);
  return new PhotoIndex(folderOf(found, manifest), manifest.model, partsOf(opened.segments));
}

function manifestOf(path: string, fs: Fs): Manifest {
  try {
    return readManifest(path, fs);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new PhotoIndexError(`${error.message}; run siglip index again`, { cause: error });
  }
}

/** A segment with its lines, of which later ones may have replaced some, and the codes of its rows. */
interface CodedSegment extends Pick<IndexPart, "codes" | "read" | "close"> {
  readonly lines: readonly FactLine[];
}

function openSegments(path: string, { segments, width }: Manifest, fs: Fs) {
  const warnings: string[] = [];
  const opened: CodedSegment[] = [];
  for (const entry of segments) {
    try {
      opened.push(codedSegment(path, entry, width, fs));
    } catch (error) {
      if (!(error instanceof FormatError) && !(isSystemError(error) && error.code === "ENOENT")) {
        for (const { close } of opened) close();
        throw error;
      }
      warnings.push(`index: ${entry.photos} pictures are left out; run siglip index again: ${error.message}`);
    }
  }
  return { segments: opened, warnings };
}

/** Encodes a segment, whose file stays readable if an indexer removes it. */
function codedSegment(path: string, entry: SegmentEntry, width: number, fs: Fs): CodedSegment {
  const { lines, parts, row, close } = openSegment(path, entry, width, fs);
  try {
    return { lines, codes: Array.from(parts(), (rows) => new CodedRows(rows, width)), read: row, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The segments with the pictures whose lines no later line replaces. */
function partsOf(segments: readonly CodedSegment[]): IndexPart[] {
  const last = new Map<string, FactLine>();
  for (const { lines } of segments) for (const line of lines) last.set(line.file, line);
  return segments.map(({ lines, codes, read, close }) => {
    const photos: PhotoFacts[] = [];
    const rows: number[] = [];
    let row = 0;
    for (const line of lines) {
      if (!isPhoto(line)) continue;
      if (last.get(line.file) === line) {
        photos.push(line);
        rows.push(row);
      }
      row++;
    }
    return { photos, rows, codes, read, close };
  });
}
