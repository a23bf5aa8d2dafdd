/**
 * An index that is open for search: all embeddings lie in the heap as one matrix, so that the scores of a query with every picture
 * are one matrix product, exact and without an approximate structure: 1,000,000 · d multiplications.
 */
import { join } from "node:path";
import { FormatError } from "../formats/index.ts";
import { type Fs, isSystemError, realFs } from "../run/index.ts";
import { empty, matmul, scope, type Tensor, tensor } from "../tensor/index.ts";
import { type FactLine, isPhoto, type PhotoFacts } from "./facts.ts";
import { MANIFEST, type Manifest, PhotoIndexError, readManifest, readSegment, type Segment } from "./segments.ts";
import { folderOf } from "./writer.ts";

/** The folder of an index in the folder of its pictures. */
export const INDEX_FOLDER = ".siglip-index";

/** The index at a path: the path itself, or the index in the folder of its pictures; undefined if there is none. */
export function findIndex(path: string, fs: Fs = realFs): string | undefined {
  const isIndex = (each: string): boolean => fs.isFolder(each) && fs.list(each).includes(MANIFEST);
  return [path, join(path, INDEX_FOLDER)].find(isIndex);
}

/** An index that is open for search. */
export class PhotoIndex {
  /** The indexed folder. */
  readonly folder: string;
  /** The model of the embeddings: where it was, and its fingerprint. */
  readonly model: Manifest["model"];
  readonly photos: readonly PhotoFacts[];
  readonly #embeddings: Tensor; // [photos, d]

  constructor(folder: string, model: Manifest["model"], photos: readonly PhotoFacts[], embeddings: Tensor) {
    this.folder = folder;
    this.model = model;
    this.photos = photos;
    this.#embeddings = embeddings;
  }

  /** x·y of every picture with a query [d]. */
  scores(query: Float32Array): Float32Array {
    if (this.photos.length === 0) return new Float32Array(0);
    return scope(() => matmul(this.#embeddings, tensor(query, [query.length, 1])).data.slice()) as Float32Array;
  }

  /** The embedding of picture `i`. */
  embedding(i: number): Float32Array {
    const [, d] = this.#embeddings.shape;
    return this.#embeddings.view([d], i * d).data.slice() as Float32Array;
  }
}

/**
 * Opens the index at `path`. Damaged segments are left out with a warning. Throws `PhotoIndexError` if there is no index or its
 * manifest is damaged, and errors of the system.
 */
export function openIndex(path: string, warn: (message: string) => void, fs: Fs = realFs): PhotoIndex {
  const found = findIndex(path, fs);
  if (found === undefined) throw new PhotoIndexError(`${path} is not an index; make one with siglip index`);
  let manifest = manifestOf(found, fs);
  let read = readSegments(found, manifest, fs);
  for (let last = ""; read.warnings.length > 0 && JSON.stringify(manifest) !== last; ) {
    // An indexer may have replaced segments after the manifest was read.
    last = JSON.stringify(manifest);
    manifest = manifestOf(found, fs);
    if (JSON.stringify(manifest) !== last) read = readSegments(found, manifest, fs);
  }
  for (const warning of read.warnings) warn(warning);
  const { photos, embeddings } = alive(read.segments, manifest.width);
  return new PhotoIndex(folderOf(found, manifest), manifest.model, photos, embeddings);
}

function manifestOf(path: string, fs: Fs): Manifest {
  try {
    return readManifest(path, fs);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new PhotoIndexError(`${error.message}; run siglip index again`, { cause: error });
  }
}

function readSegments(path: string, { segments, width }: Manifest, fs: Fs) {
  const warnings: string[] = [];
  const read = segments.flatMap((entry): Segment[] => {
    try {
      return [readSegment(path, entry, width, fs)];
    } catch (error) {
      if (!(error instanceof FormatError) && !(isSystemError(error) && error.code === "ENOENT")) throw error;
      warnings.push(`index: ${entry.photos} pictures are left out; run siglip index again: ${error.message}`);
      return [];
    }
  });
  return { segments: read, warnings };
}

/** The pictures whose lines no later line replaces, with their embeddings in the heap. */
function alive(segments: readonly Segment[], width: number): { photos: PhotoFacts[]; embeddings: Tensor } {
  const last = new Map<string, FactLine>();
  for (const { lines } of segments) for (const line of lines) last.set(line.file, line);
  const photos: PhotoFacts[] = [];
  for (const line of last.values()) if (isPhoto(line)) photos.push(line);
  const embeddings = empty("openIndex", [photos.length, width], "f32");
  photos.length = 0; // again, in the order of the rows
  for (const segment of segments) {
    let row = 0;
    for (const line of segment.lines) {
      if (!isPhoto(line)) continue;
      const from = row++ * width;
      if (last.get(line.file) !== line) continue;
      embeddings.data.set(segment.embeddings.subarray(from, from + width), photos.length * width);
      photos.push(line);
    }
  }
  return { photos, embeddings };
}
