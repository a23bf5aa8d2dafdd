/**
 * Brings an index up to date with its folder: embeds new and changed pictures, and those alone.
 *
 * A file is looked at if its size or time differs from what is known. If its contents are those of a known picture, it was renamed,
 * copied or touched, and keeps the embedding. Other threads decode and resize pictures while this one embeds. A large model embeds a
 * batch on several devices, while this thread reads the next one.
 */
import { join } from "node:path";
import { openPreparer, type Preparer } from "../data/index.ts";
import { embedPrepared, type Fs, type OpenModel, picturesForDevices, readAhead, realFs } from "../run/index.ts";
import { isPhoto, type PhotoFacts } from "./facts.ts";
import { type ReadPhoto, readPhoto } from "./readPhoto.ts";
import { scan } from "./scan.ts";
import { type Change, IndexWriter } from "./writer.ts";

/** What an index needs of a model; an `OpenModel` is one. */
export type PhotoModel = Pick<OpenModel, "path" | "fingerprint" | "config" | "embedDim" | "embedImages" | "pictures">;

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
  /**
   * The most threads that prepare images, and the most devices that embed, each with the model of the path. Few images are prepared, and
   * few images or those of a small model embedded, on this thread.
   */
  readonly devices?: number;
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

/** Images that are embedded at a time; while they are, the next ones are read and decoded. */
const EMBEDDED_AT_ONCE = 32;
const AHEAD = 32;
/** A batch, which a kill can cost: so many files, or on one thread those of so many milliseconds. */
const BATCH = 256;
const BATCH_MS = 10_000;

/** Updates the index at `path`, or makes it. Throws the errors of `IndexWriter.open`, of `scan`, and those of the system. */
export async function updateIndex(
  path: string,
  folder: string,
  model: PhotoModel,
  options: UpdateOptions,
): Promise<Update> {
  const { now, warn, skip = [], progress, stop, devices = 1, fs = realFs } = options;
  const of = { model: { path: model.path, fingerprint: model.fingerprint }, folder, width: model.embedDim };
  const writer = IndexWriter.open(path, of, now, warn, fs);
  const adding = new Adding(writer, model, devices);
  let preparer: Preparer | undefined;
  try {
    const { changed, gone, unchanged } = scan(folder, writer.known, { skip, index: path, warn });
    preparer = openPreparer(changed.length, devices);
    const reading = { model, preparer, known: (hash: string) => adding.known(hash), warn };
    const read = (file: string) => readPhoto(join(folder, file), file, reading);
    let done = 0;
    let stopped = false;
    for await (const photo of readAhead(changed, AHEAD, read)) {
      done++;
      if (photo) await adding.add(photo);
      if (!adding.isFull && done < changed.length) continue;
      await adding.endBatch();
      progress?.(done, changed.length);
      stopped = done < changed.length && (stop?.() ?? false);
      if (stopped) break;
    }
    await adding.finish();
    // Last, so that a renamed file is recognised by the contents of the one that is gone.
    writer.commit(stopped ? [] : gone.map((file) => ({ line: { file, gone: true } })));
    return { ...countsOf(writer), ...adding.counts, gone: stopped ? 0 : gone.length, unchanged, complete: !stopped };
  } finally {
    await adding.finish().catch(() => {}); // after another error, which is thrown
    await preparer?.close();
    writer.release();
  }
}

function countsOf({ known }: IndexWriter): Pick<Update, "photos" | "skipped"> {
  const skipped: Record<string, number> = {};
  let photos = 0;
  for (const { facts } of known.values()) {
    if (facts.skipped === undefined) photos++;
    else skipped[facts.skipped] = (skipped[facts.skipped] ?? 0) + 1;
  }
  return { photos, skipped };
}

/** Files that were read, on their way into an index. */
class Adding {
  readonly counts: { embedded: number; kept: number; readonly kinds: Record<string, number> } = {
    embedded: 0,
    kept: 0,
    kinds: {},
  };
  readonly #writer: IndexWriter;
  readonly #model: PhotoModel;
  readonly #devices: number;
  /** Pictures of a batch that devices embed; undefined if this thread does. */
  readonly #onDevices: number | undefined;
  /** A file with these contents whose embedding the index has. */
  readonly #byHash = new Map<string, string>();
  #waiting: { readonly facts: PhotoFacts; readonly pixels: Float32Array }[] = [];
  #changes: Change[] = [];
  #begun = performance.now();
  #committed: Promise<void> = Promise.resolve();

  constructor(writer: IndexWriter, model: PhotoModel, devices: number) {
    this.#writer = writer;
    this.#model = model;
    this.#devices = devices;
    this.#onDevices = picturesForDevices(model, devices, BATCH);
    for (const { facts } of writer.known.values()) if (isPhoto(facts)) this.#byHash.set(facts.sha256!, facts.file);
  }

  /** The embedding of the contents of a file, if it is known. */
  known(sha256: string): Float32Array | undefined {
    const file = this.#byHash.get(sha256);
    if (file === undefined || this.#writer.known.get(file)?.facts.sha256 !== sha256) return undefined; // changed since
    return this.#writer.embedding(file);
  }

  get isFull(): boolean {
    const pictures = this.#waiting.length;
    if (pictures + this.#changes.length >= BATCH) return true;
    return this.#onDevices === undefined ? performance.now() - this.#begun >= BATCH_MS : pictures >= this.#onDevices;
  }

  async add({ facts, picture, embedding, kind }: ReadPhoto): Promise<void> {
    if (facts.skipped === undefined) this.counts.kinds[kind] = (this.counts.kinds[kind] ?? 0) + 1;
    if (picture) this.#waiting.push({ facts, pixels: picture.pixels });
    else this.#changes.push({ line: facts, ...(embedding && { embedding }) });
    if (embedding) this.counts.kept++;
    if (this.#onDevices === undefined && this.#waiting.length >= EMBEDDED_AT_ONCE) {
      this.#changes.push(...(await this.#embedWaiting()));
    }
  }

  /** Embeds and commits the files of this batch. Devices embed them meanwhile, after the batch before them is committed. */
  async endBatch(): Promise<void> {
    await this.#committed;
    const changes = this.#changes;
    this.#changes = [];
    this.#committed = this.#embedWaiting().then((embedded) => this.#commit([...changes, ...embedded]));
    this.#committed.catch(() => {}); // thrown where it is awaited
    if (this.#onDevices === undefined) await this.#committed;
    this.#begun = performance.now();
  }

  /** Waits until the last batch is committed. */
  finish(): Promise<void> {
    return this.#committed;
  }

  async #embedWaiting(): Promise<Change[]> {
    const d = this.#model.embedDim;
    const rows = this.#waiting;
    this.#waiting = [];
    if (rows.length === 0) return [];
    const pictures = rows.map(({ pixels }) => pixels);
    const zimg = await embedPrepared(this.#model, pictures, this.#devices);
    this.counts.embedded += rows.length;
    return rows.map(({ facts }, i) => ({ line: facts, embedding: zimg.subarray(i * d, (i + 1) * d) }));
  }

  #commit(changes: readonly Change[]): void {
    this.#writer.commit(changes);
    for (const { line, embedding } of changes) {
      if (embedding && isPhoto(line)) this.#byHash.set(line.sha256!, line.file);
    }
  }
}
