/**
 * The files of an index:
 *
 *   index.json               manifest: model, folder, segments with SHA-256 of their files, own SHA-256; written last
 *   000007.jsonl             what is known of files (facts.ts)
 *   000007.safetensors       "embeddings" F32 [photos, d], unit rows, in the order of the lines that have one
 *   lock.1                   the process that writes here
 *
 * A segment never changes. A commit writes a new one, syncs it, and replaces the manifest; only then are segments removed that the
 * manifest no longer names. So a kill or a power cut leaves the index as it was before or after a commit. Names are never used again.
 *
 * No embedded database: what is needed of one is to replace one small file atomically, which `writeDurably` does for checkpoints too
 * and which is tested under all faults. SQLite keeps vectors as blobs that a search has to copy out row by row, and Node's own is
 * newer than the oldest Node that is supported; vector stores are native addons. These files open in Python and in `less`.
 */
import { join } from "node:path";
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, writeSafetensors } from "../formats/index.ts";
import { type Fs, parseSealed, sealedText, sha256, utf8, writeDurably } from "../run/index.ts";
import { type FactLine, linesText } from "./facts.ts";

/** A folder cannot become an index, is not one, or is one of something else. */
export class PhotoIndexError extends Error {
  override readonly name = "PhotoIndexError";
}

/** A segment in the manifest. */
export interface SegmentEntry {
  readonly name: string;
  readonly lines: number;
  readonly photos: number;
  /** SHA-256 of its two files. */
  readonly facts: string;
  readonly embeddings: string;
}

/** The manifest of an index. */
export interface Manifest {
  /** The model of the embeddings: where it was, and its fingerprint. */
  readonly model: { readonly path: string; readonly fingerprint: string };
  /** The indexed folder: relative to the index if it is in the folder, else absolute. */
  readonly folder: string;
  /** d. */
  readonly width: number;
  readonly segments: readonly SegmentEntry[];
}

/** The contents of a segment. */
export interface Segment {
  readonly lines: readonly FactLine[];
  readonly embeddings: InstanceType<typeof Float32Array>; // [photos, d]
}

const FORMAT = "siglip-ts photo index";
const VERSION = 1;
export const MANIFEST = "index.json";
/** All names in the folder of an index but the manifest's and locks'. */
export const SEGMENT_FILE = /^(\d{6,15})\.(jsonl|safetensors)(\.tmp)?$/;
/** The name of the tensor in a file of embeddings. */
export const TENSOR = "embeddings";

/** The file with the lines of a segment. */
export const factsFile = (path: string, name: string): string => join(path, `${name}.jsonl`);
/** The file with the embeddings of a segment. */
export const embeddingsFile = (path: string, name: string): string => join(path, `${name}.safetensors`);

/** Writes the two files of a segment; they are durable once the manifest that names them is. */
export function writeSegment(path: string, name: string, { lines, embeddings }: Segment, width: number, fs: Fs) {
  const photos = embeddings.length / width;
  const facts = utf8(linesText(lines));
  const shape = [photos, width];
  const bytes = writeSafetensors(new Map([[TENSOR, { dtype: "F32", shape, data: embeddings }]]));
  writeDurably(fs, factsFile(path, name), facts, { syncName: false });
  writeDurably(fs, embeddingsFile(path, name), bytes, { syncName: false });
  fs.syncFolder(path);
  return { name, lines: lines.length, photos, facts: sha256(facts), embeddings: sha256(bytes) };
}

/** Replaces the manifest. */
export const writeManifest = (path: string, manifest: Manifest, fs: Fs): void =>
  writeDurably(fs, join(path, MANIFEST), utf8(sealedText({ format: FORMAT, version: VERSION, ...manifest })));

/** Reads the manifest. Throws `FormatError` if it is damaged, `PhotoIndexError` if it is of a later version. */
export function readManifest(path: string, fs: Fs): Manifest {
  const file = join(path, MANIFEST);
  const record = parseSealed(fs.read(file), file);
  const version = isJsonRecord(record) ? record.version : undefined;
  if (typeof version === "number" && version > VERSION) {
    throw new PhotoIndexError(`${file} has version ${version}, this program reads up to ${VERSION}; update siglip-ts`);
  }
  if (!isJsonRecord(record) || !isManifest(record)) {
    throw new FormatError(
      "INDEX_FILE",
      file,
      0,
      `expected "format": "${FORMAT}" with model, folder, width and segments`,
    );
  }
  const { model, folder, width, segments } = record;
  return { model, folder, width, segments };
}

const isCount = (value: JsonValue): boolean => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function isManifest(record: JsonRecord): record is JsonRecord & Manifest {
  const { format, model, folder, width, segments } = record;
  const isEntry = (entry: JsonValue): boolean =>
    isJsonRecord(entry) &&
    SEGMENT_FILE.test(`${entry.name}.jsonl`) &&
    [entry.lines, entry.photos].every(isCount) &&
    [entry.facts, entry.embeddings].every((hash) => typeof hash === "string");
  return (
    format === FORMAT &&
    isJsonRecord(model) &&
    typeof model.path === "string" &&
    typeof model.fingerprint === "string" &&
    typeof folder === "string" &&
    isCount(width) &&
    Array.isArray(segments) &&
    segments.every(isEntry)
  );
}
