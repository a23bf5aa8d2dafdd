/**
 * Reads the files of a segment. The embeddings are read in parts, each into the same memory: 1,000,000 × 768 of them are 3 GB, and the
 * pages of new memory alone cost more time than the hash.
 */
import { createHash } from "node:crypto";
import { FormatError, readSafetensorsHeader, safetensorsHeaderLength } from "../formats/index.ts";
import { type Fs, sha256 } from "../run/index.ts";
import { type FactLine, isPhoto, parseLines } from "./facts.ts";
import { embeddingsFile, factsFile, type Segment, type SegmentEntry, TENSOR } from "./segments.ts";

/** A segment with an open file of embeddings. */
export interface OpenSegment {
  readonly lines: readonly FactLine[];
  /**
   * The rows of embeddings, some at a time, each time in the same memory. Throws `FormatError` at the end unless the file is as it was
   * written.
   */
  parts(): Generator<Float32Array>;
  /** Reads a row. Throws `FormatError` if it is not there any more. */
  row(row: number): Float32Array;
  close(): void;
}

const PART = 2 ** 24; // bytes

const damaged = (file: string, bytes: number): FormatError =>
  new FormatError("INDEX_FILE", file, 0, `its ${bytes} bytes are not those that were written`);

function readLines(path: string, { name, facts }: SegmentEntry, fs: Fs): FactLine[] {
  const bytes = fs.read(factsFile(path, name));
  if (sha256(bytes) !== facts) throw damaged(`${name}.jsonl`, bytes.length);
  return parseLines(new TextDecoder().decode(bytes), `${name}.jsonl`);
}

/** Opens a segment. Throws `FormatError` if a file of it is damaged, and errors of the system. */
export function openSegment(path: string, entry: SegmentEntry, width: number, fs: Fs): OpenSegment {
  const lines = readLines(path, entry, fs);
  const photos = lines.filter(isPhoto).length;
  const name = `${entry.name}.safetensors`;
  const file = fs.open(embeddingsFile(path, entry.name), "read");
  const close = (): void => fs.close(file);
  const rowBytes = 4 * width;
  try {
    const head = headOf(file, photos * rowBytes, name, fs);
    const { entries } = readSafetensorsHeader(head.subarray(8), head.length + photos * rowBytes, name);
    const { dtype, shape } = entries.get(TENSOR) ?? {};
    if (dtype !== "F32" || `${shape}` !== `${[photos, width]}`) {
      throw new FormatError("INDEX_FILE", name, 0, `expected "${TENSOR}" F32 [${photos}, ${width}]`);
    }
    const read = (from: number, rows: Float32Array): void => {
      const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
      const at = head.length + from * rowBytes;
      if (fs.readAt(file, bytes, at) === bytes.length) return;
      throw new FormatError("INDEX_FILE", name, at, `row ${from} is missing; the file was cut`);
    };
    const row = (at: number): Float32Array => {
      const numbers = new Float32Array(width);
      read(at, numbers);
      return numbers;
    };
    function* parts(): Generator<Float32Array> {
      const hash = createHash("sha256").update(head);
      const memory = new Float32Array(width * Math.min(photos, Math.ceil(PART / rowBytes)));
      for (let from = 0; from < photos; from += memory.length / width) {
        const rows = memory.subarray(0, width * Math.min(memory.length / width, photos - from));
        read(from, rows);
        hash.update(rows);
        yield rows;
      }
      const end = head.length + photos * rowBytes;
      const more = fs.readAt(file, new Uint8Array(1), end);
      if (more > 0 || hash.digest("hex") !== entry.embeddings) throw damaged(name, end + more);
    }
    return { lines, parts, row, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The bytes of a safetensors file before its data. */
function headOf(file: number, dataBytes: number, name: string, fs: Fs): Uint8Array {
  const start = new Uint8Array(8);
  const length = safetensorsHeaderLength(start.subarray(0, fs.readAt(file, start, 0)), Number.POSITIVE_INFINITY, name);
  const head = new Uint8Array(8 + length);
  if (fs.readAt(file, head, 0) < head.length) throw damaged(name, dataBytes);
  return head;
}

/** Reads a segment whole. Throws as `openSegment`. */
export function readSegment(path: string, entry: SegmentEntry, width: number, fs: Fs): Segment {
  const { lines, parts, close } = openSegment(path, entry, width, fs);
  try {
    const embeddings = new Float32Array(width * lines.filter(isPhoto).length);
    let at = 0;
    for (const rows of parts()) {
      embeddings.set(rows, at);
      at += rows.length;
    }
    return { lines, embeddings };
  } finally {
    close();
  }
}
