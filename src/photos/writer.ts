/** Writes an index: what a folder held at the last commit, and commits of what has changed. */
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { FormatError } from "../formats/index.ts";
import { type Fs, isSystemError, lockRun, makeFolders } from "../run/index.ts";
import { type FactLine, isPhoto, type PhotoFacts } from "./facts.ts";
import { openSegment, readSegment } from "./openSegment.ts";
import {
  MANIFEST,
  type Manifest,
  PhotoIndexError,
  readManifest,
  SEGMENT_FILE,
  type SegmentEntry,
  writeManifest,
  writeSegment,
} from "./segments.ts";

/** Something to commit: a file with its embedding if it is a picture, or one that is gone. */
export interface Change {
  readonly line: FactLine;
  readonly embedding?: Float32Array;
}

/** What the index knows of a file, and where. */
interface Known {
  readonly facts: PhotoFacts;
  readonly segment: string;
  /** Its line in the segment, and its row of embeddings; −1 if it has none. */
  readonly line: number;
  readonly row: number;
}

/** What an index must be of. */
export interface IndexOf {
  readonly model: Manifest["model"];
  readonly folder: string;
  readonly width: number;
}

/** Segments of this many lines are full: they are not merged any more. */
const FULL = 65_536;

/** An index that this process may write to, until it calls `release`. */
export class IndexWriter {
  readonly known: Map<string, Known> = new Map();
  readonly release: () => void;
  readonly #path: string;
  readonly #fs: Fs;
  #manifest: Manifest;
  /** Whether the manifest on the disk is this one. */
  #isStored: boolean;
  /** The segment that `embedding` read last. */
  #lastRead: { readonly name: string; readonly rows: Float32Array } | undefined;

  private constructor(path: string, manifest: Manifest, isStored: boolean, release: () => void, fs: Fs) {
    this.#path = path;
    this.#manifest = manifest;
    this.#isStored = isStored;
    this.release = release;
    this.#fs = fs;
  }

  /**
   * Opens the index at `path`, or makes one. What is damaged is left out with a warning, and has to be added again. Throws
   * `PhotoIndexError` if the path holds something else, or an index of another model or folder, and `RunLockedError`.
   */
  static open(path: string, of: IndexOf, now: Date, warn: (message: string) => void, fs: Fs): IndexWriter {
    makeFolders(fs, path);
    requireIndexOrEmpty(path, fs);
    const release = lockRun(path, now, fs);
    try {
      const folder = storedFolder(path, of.folder);
      const fresh: Manifest = { model: of.model, folder, width: of.width, segments: [] };
      const stored = fs.list(path).includes(MANIFEST) ? manifestOr(path, warn, fs) : undefined;
      if (stored) requireSame(path, stored, fresh);
      const writer = new IndexWriter(path, stored ?? fresh, stored !== undefined, release, fs);
      writer.#readSegments(warn);
      return writer;
    } catch (error) {
      release();
      throw error;
    }
  }

  #readSegments(warn: (message: string) => void): void {
    const whole: SegmentEntry[] = [];
    for (const entry of this.#manifest.segments) {
      try {
        this.#learn(entry, this.#checkedLines(entry));
        whole.push(entry);
      } catch (error) {
        if (!(error instanceof FormatError) && !(isSystemError(error) && error.code === "ENOENT")) throw error;
        warn(`index: a part of ${entry.lines} files is damaged and is made again: ${error.message}`);
        this.#isStored = false;
      }
    }
    this.#manifest = { ...this.#manifest, segments: whole };
  }

  /** The lines of a segment whose files are whole. */
  #checkedLines(entry: SegmentEntry): readonly FactLine[] {
    const { lines, parts, close } = openSegment(this.#path, entry, this.#manifest.width, this.#fs);
    try {
      for (const _ of parts()); // the hash of the file is checked after the last
      return lines;
    } finally {
      close();
    }
  }

  /** Later lines replace earlier ones. */
  #learn({ name }: SegmentEntry, lines: readonly FactLine[]): void {
    let row = 0;
    lines.forEach((facts, line) => {
      if ("gone" in facts) this.known.delete(facts.file);
      else this.known.set(facts.file, { facts, segment: name, line, row: isPhoto(facts) ? row++ : -1 });
    });
  }

  /** The embedding of a known picture. Throws as `readSegment`. */
  embedding(file: string): Float32Array {
    const { segment, row } = this.known.get(file)!;
    const { segments, width } = this.#manifest;
    if (this.#lastRead?.name !== segment) {
      const entry = segments.find(({ name }) => name === segment)!;
      this.#lastRead = { name: segment, rows: readSegment(this.#path, entry, width, this.#fs).embeddings };
    }
    return this.#lastRead.rows.slice(row * width, (row + 1) * width);
  }

  /**
   * Adds changes; returns once they would survive a power cut. They are merged with the last segments as long as those are less than
   * twice as large, so that an index of n files has about log₂ n segments and a line is written again about log₂ n times.
   */
  commit(changes: readonly Change[]): void {
    if (changes.length === 0 && this.#isStored) return;
    const { segments } = this.#manifest;
    let kept = segments.length;
    let count = changes.length;
    while (kept > 0 && segments[kept - 1].lines < 2 * count && segments[kept - 1].lines + count <= FULL) {
      count += segments[--kept].lines;
    }
    const merged = segments.slice(kept).flatMap((entry) => this.#alive(entry, changes));
    const rows = [...merged, ...changes].filter(({ line }) => kept > 0 || !("gone" in line));
    const next = [...segments.slice(0, kept), ...(rows.length > 0 ? [this.#write(rows)] : [])];
    const manifest = { ...this.#manifest, segments: next };
    writeManifest(this.#path, manifest, this.#fs);
    this.#manifest = manifest;
    this.#isStored = true;
    for (const { line } of changes) if ("gone" in line) this.known.delete(line.file);
    const lines = rows.map(({ line }) => line);
    if (rows.length > 0) this.#learn(next[kept], lines);
    this.#removeOthers();
  }

  #write(rows: readonly Change[]): SegmentEntry {
    const { width } = this.#manifest;
    const embeddings = new Float32Array(rows.filter(({ embedding }) => embedding).length * width);
    let at = 0;
    for (const { embedding } of rows) {
      if (!embedding) continue;
      embeddings.set(embedding, at);
      at += width;
    }
    const lines = rows.map(({ line }) => line);
    return writeSegment(this.#path, this.#nextName(), { lines, embeddings }, width, this.#fs);
  }

  /** The rows of a segment that are still true, but for those about files that `changes` replace. */
  #alive(entry: SegmentEntry, changes: readonly Change[]): Change[] {
    const { width } = this.#manifest;
    const { lines, embeddings } = readSegment(this.#path, entry, width, this.#fs);
    const replaced = new Set(changes.map(({ line }) => line.file));
    let row = 0;
    return lines.flatMap((line, i): Change[] => {
      const at = isPhoto(line) ? row++ : -1;
      if (replaced.has(line.file)) return [];
      const known = this.known.get(line.file);
      if ("gone" in line) return known ? [] : [{ line }];
      if (known?.segment !== entry.name || known.line !== i) return [];
      return at < 0 ? [{ line }] : [{ line, embedding: embeddings.subarray(at * width, (at + 1) * width) }];
    });
  }

  /** Numbered after every file that is there. */
  #nextName(): string {
    const numbers = this.#fs.list(this.#path).flatMap((name) => SEGMENT_FILE.exec(name)?.[1] ?? []);
    return String(1 + Math.max(0, ...numbers.map(Number))).padStart(6, "0");
  }

  /** Removes the files of segments that the manifest does not name. */
  #removeOthers(): void {
    const named = new Set(this.#manifest.segments.map(({ name }) => name));
    try {
      for (const name of this.#fs.list(this.#path)) {
        const [, stem, , temporary] = SEGMENT_FILE.exec(name) ?? [];
        if (stem !== undefined && (temporary || !named.has(stem))) this.#fs.remove(join(this.#path, name));
      }
    } catch (error) {
      if (!isSystemError(error)) throw error; // the next commit removes them
    }
  }
}

/** Throws `PhotoIndexError` if a folder holds files of something else: a commit removes files. */
function requireIndexOrEmpty(path: string, fs: Fs): void {
  const own = (name: string): boolean =>
    name.startsWith(MANIFEST) || SEGMENT_FILE.test(name) || /^lock\.\d+$/.test(name);
  const other = fs.list(path).find((name) => !own(name));
  if (other === undefined) return;
  throw new PhotoIndexError(`${path} is not an index: it holds ${other}; give a new folder with --out`);
}

/** The manifest, or undefined with a warning if it is damaged. */
function manifestOr(path: string, warn: (message: string) => void, fs: Fs): Manifest | undefined {
  try {
    return readManifest(path, fs);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    warn(`index: the manifest is damaged, and the index is made again: ${error.message}`);
    return undefined;
  }
}

/** How the manifest names the folder: relative if the index is in it, so that both can be moved together. */
function storedFolder(path: string, folder: string): string {
  const back = relative(resolve(path), resolve(folder)) || ".";
  return back.split(sep).every((part) => part === ".." || part === ".") ? back : resolve(folder);
}

/** The indexed folder of an index at `path`. */
export const folderOf = (path: string, { folder }: Pick<Manifest, "folder">): string =>
  isAbsolute(folder) ? folder : resolve(path, folder);

function requireSame(path: string, stored: Manifest, fresh: Manifest): void {
  const remedy = `use another --out, or delete ${path} to make the index again`;
  if (stored.model.fingerprint !== fresh.model.fingerprint) {
    const [a, b] = [stored, fresh].map(({ model }) => `${model.path} (${model.fingerprint.slice(0, 12)})`);
    throw new PhotoIndexError(`the index ${path} was made with the model ${a}, not with ${b}; ${remedy}`);
  }
  const [a, b] = [stored, fresh].map((manifest) => folderOf(path, manifest));
  if (a !== b) throw new PhotoIndexError(`the index ${path} is of the folder ${a}, not of ${b}; ${remedy}`);
}
