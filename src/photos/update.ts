/**
 * Brings an index up to date with its folder: embeds new and changed pictures, and those alone.
 *
 * A file is looked at if its size or time differs from what is known. If its contents are those of a known picture, it was renamed,
 * copied or touched, and keeps the embedding. Files are read and decoded by other threads while this one embeds.
 */
import { join } from "node:path";
import type { PreparedPicture } from "../data/index.ts";
import { embedPictures, type Fs, realFs } from "../run/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { isPhoto } from "./facts.ts";
import { readAhead } from "./readAhead.ts";
import { type ReadPhoto, readPhoto } from "./readPhoto.ts";
import { scan } from "./scan.ts";
import { type Change, IndexWriter } from "./writer.ts";

/** What an index needs of a model. */
export interface PhotoModel {
  readonly path: string;
  readonly fingerprint: string;
  readonly model: SigLip;
  readonly pictures: { readonly height: number; read(file: string): Promise<PreparedPicture> };
}

/** Options of `updateIndex`. */
export interface UpdateOptions {
  readonly now: Date;
  readonly warn: (message: string) => void;
  /** Folders and files that are left out, by their path below the folder. */
  readonly skip?: readonly string[];
  /** Is called after every batch with the number of files that were read, of those that have to be. */
  readonly progress?: (done: number, of: number) => void;
  /** Whether to end after this batch. */
  readonly stop?: () => boolean;
  readonly fs?: Fs;
}

/** What `updateIndex` did, in files. */
export interface Update {
  /** Pictures in the index now. */
  readonly photos: number;
  readonly embedded: number;
  /** Renamed, copied or touched pictures, which kept an embedding. */
  readonly kept: number;
  readonly gone: number;
  readonly unchanged: number;
  /** Files of the index that are no readable pictures, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Whether all files were looked at. */
  readonly complete: boolean;
  /** Newly read pictures by the kind of their files. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Pictures that are embedded at a time: a kill costs the work on them, and on those that are read ahead. */
const BATCH = 64;
/** Files that are read ahead. */
const AHEAD = 32;

/** Updates the index at `path`, or makes it. Throws the errors of `IndexWriter.open`, of `scan`, and those of the system. */
export async function updateIndex(
  path: string,
  folder: string,
  model: PhotoModel,
  options: UpdateOptions,
): Promise<Update> {
  const { now, warn, skip = [], fs = realFs } = options;
  const of = { model: { path: model.path, fingerprint: model.fingerprint }, folder, width: model.model.embedDim };
  const writer = IndexWriter.open(path, of, now, warn, fs);
  try {
    const { changed, gone, unchanged } = scan(folder, writer.known, { skip, index: path, warn });
    const done = await addFiles(writer, folder, changed, model, options);
    // Last, so that a renamed file is recognised by the contents of the one that is gone.
    writer.commit(done.complete ? gone.map((file) => ({ line: { file, gone: true } })) : []);
    const skipped: Record<string, number> = {};
    for (const { facts } of writer.known.values()) {
      if (facts.skipped !== undefined) skipped[facts.skipped] = (skipped[facts.skipped] ?? 0) + 1;
    }
    const photos = [...writer.known.values()].filter(({ facts }) => isPhoto(facts)).length;
    return { photos, ...done, gone: done.complete ? gone.length : 0, unchanged, skipped };
  } finally {
    writer.release();
  }
}

/** Reads, embeds and commits files, batch by batch. */
async function addFiles(
  writer: IndexWriter,
  folder: string,
  files: readonly string[],
  { model, pictures }: PhotoModel,
  { warn, progress, stop }: UpdateOptions,
): Promise<Pick<Update, "embedded" | "kept" | "complete" | "kinds">> {
  const byHash = new Map<string, string>();
  for (const { facts } of writer.known.values()) if (isPhoto(facts)) byHash.set(facts.sha256!, facts.file);
  const read = (file: string) =>
    readPhoto(join(folder, file), file, {
      prepare: (each) => pictures.read(each),
      isKnown: (hash) => byHash.has(hash),
      warn,
    });
  const kinds: Record<string, number> = {};
  let [done, embedded, kept] = [0, 0, 0];
  let batch: ReadPhoto[] = [];
  const commit = (): void => {
    const rows = batch.flatMap(({ picture }) => picture?.pixels ?? []);
    const pixels = (from = 0, end = rows.length): Float32Array => joined(rows.slice(from, end));
    const zimg = embedPictures(model, { count: rows.length, side: pictures.height, pixels });
    const d = model.embedDim;
    let row = 0;
    const changes = batch.map(({ facts, picture }): Change => {
      if (picture) return { line: facts, embedding: zimg.subarray(row * d, ++row * d) };
      if (!isPhoto(facts)) return { line: facts };
      return { line: facts, embedding: writer.embedding(byHash.get(facts.sha256!)!) };
    });
    writer.commit(changes);
    for (const { line, embedding } of changes) if (embedding && !("gone" in line)) byHash.set(line.sha256!, line.file);
    embedded += rows.length;
    kept += changes.filter(({ embedding }) => embedding).length - rows.length;
    batch = [];
  };
  for await (const photo of readAhead(files, AHEAD, read)) {
    done++;
    if (photo) {
      batch.push(photo);
      if (photo.facts.sha256 !== undefined) kinds[photo.kind] = (kinds[photo.kind] ?? 0) + 1;
    }
    if (batch.length < BATCH && done < files.length) continue;
    commit();
    progress?.(done, files.length);
    if (stop?.()) break;
  }
  return { embedded, kept, complete: done === files.length, kinds };
}

/** One array after the other. */
function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
