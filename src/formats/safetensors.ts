/**
 * safetensors: named arrays behind a JSON header. The strict reader; the writer is in writeSafetensors.ts.
 *
 *   8 bytes   length of the header, little-endian
 *   header    {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {"key": "text"}}
 *   data      every byte belongs to exactly one tensor
 *
 * Accepts what the rules of the reference reader allow; duplicate and unknown keys, which they leave open, are errors. Every
 * number is checked against the size of the file before memory is allocated for it.
 *
 * github.com/huggingface/safetensors, README.md "Format".
 */

import { bfloat16ToBits, float16ToBits } from "./float16.ts";
import { FormatError, quote } from "./formatError.ts";
import { JsonReader } from "./jsonReader.ts";

/** Arrays of each dtype; F16 and BF16 are stored as their bits. */
export const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** Name of a dtype. */
export type SafetensorsDType = keyof typeof ARRAYS;
/** Numbers of a tensor. */
export type SafetensorsData = InstanceType<(typeof ARRAYS)[SafetensorsDType]>;

/** A tensor. `data` holds F16 and BF16 as bits. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

/** The contents of a file. */
export interface Safetensors {
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Map<string, string>;
}

/** A tensor in the header; its data are bytes [begin, end) of the file. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The header of a file. */
export interface SafetensorsHeader {
  readonly entries: Map<string, SafetensorsEntry>;
  readonly metadata: Map<string, string>;
}

/** Most bytes of a header, as in the reference. */
export const MAX_HEADER = 100_000_000;
export const MAX_AXES = 32;

/** All tensors of a file, copied out of `bytes`. Throws `FormatError`. */
export function readSafetensors(bytes: Uint8Array, file: string): Safetensors {
  const length = safetensorsHeaderLength(bytes, bytes.length, file);
  const { entries, metadata } = readSafetensorsHeader(bytes.subarray(8, 8 + length), bytes.length, file);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, entry] of entries) {
    tensors.set(name, tensorFromBytes(entry, bytes.subarray(entry.begin, entry.end)));
  }
  return { tensors, metadata };
}

/** The tensor of an entry, from the bytes [begin, end) of its file. They are copied: typed arrays need alignment. */
export const tensorFromBytes = (entry: SafetensorsEntry, bytes: Uint8Array): SafetensorsTensor =>
  tensorOfOwnBytes(entry, new Uint8Array(bytes));

/** The tensor of an entry, from bytes at the start of a buffer of their own; little-endian, as every machine that runs JavaScript. */
export function tensorOfOwnBytes(
  { dtype, shape }: Omit<SafetensorsTensor, "data">,
  bytes: Uint8Array,
): SafetensorsTensor {
  const data = new ARRAYS[dtype](bytes.buffer as ArrayBuffer, 0, bytes.length / ARRAYS[dtype].BYTES_PER_ELEMENT);
  return { dtype, shape, data };
}

/** The length of the header, from the first 8 bytes of a file of `fileSize` bytes. */
export function safetensorsHeaderLength(head: Uint8Array, fileSize: number, file: string): number {
  if (head.length < 8) {
    throw new FormatError(
      "ST_TOO_SHORT",
      file,
      0,
      `expected 8 bytes with the header length, but the file has only ${head.length}`,
    );
  }
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER) {
    throw new FormatError("ST_HEADER_TOO_LARGE", file, 0, `header of ${length} bytes, more than ${MAX_HEADER}`);
  }
  if (Number(length) > fileSize - 8) {
    const detail = `header of ${length} bytes, but only ${fileSize - 8} bytes follow; the file is truncated or not safetensors`;
    throw new FormatError("ST_HEADER_TRUNCATED", file, 0, detail);
  }
  return Number(length);
}

/** Reads and checks the header (the bytes after the first 8) of a file of `fileSize` bytes. Throws `FormatError`. */
export function readSafetensorsHeader(header: Uint8Array, fileSize: number, file: string): SafetensorsHeader {
  const entries = new Map<string, SafetensorsEntry>();
  const metadata = new Map<string, string>();
  const codes = { syntax: "ST_HEADER_JSON", utf8: "ST_HEADER_UTF8", duplicateKey: "ST_DUPLICATE_KEY" } as const;
  const reader = new JsonReader(header, file, codes, 8);
  if (reader.kind() !== "object") {
    throw new FormatError("ST_HEADER_JSON", file, reader.offset, `expected an object, found ${reader.kind()}`);
  }
  reader.object((name) => {
    if (name === "__metadata__") readMetadata(reader, file, metadata);
    else entries.set(name, readEntry(reader, file, name, 8 + header.length));
  });
  reader.end();
  checkLayout(entries, 8 + header.length, fileSize, file);
  return { entries, metadata };
}

function readMetadata(reader: JsonReader, file: string, metadata: Map<string, string>): void {
  const requireKind = (kind: "object" | "string", what: string): void => {
    const found = reader.kind();
    if (found === kind) return;
    throw new FormatError("ST_METADATA", file, reader.offset, `${what} must be of type ${kind}, found ${found}`);
  };
  requireKind("object", "__metadata__");
  reader.object((key) => {
    requireKind("string", `__metadata__ ${quote(key)}`);
    metadata.set(key, reader.string());
  });
}

function readEntry(reader: JsonReader, file: string, name: string, dataStart: number): SafetensorsEntry {
  const offset = reader.offset;
  if (reader.kind() !== "object") {
    throw new FormatError(
      "ST_HEADER_JSON",
      file,
      offset,
      `tensor ${quote(name)} must be an object, found ${reader.kind()}`,
    );
  }
  let dtype: SafetensorsDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((key) => {
    if (key === "dtype") dtype = readDType(reader, file, name);
    else if (key === "shape") shape = readIntegers(reader, file, name, "shape", MAX_AXES);
    else if (key === "data_offsets") offsets = readIntegers(reader, file, name, "data_offsets", 2);
    else {
      const detail = `tensor ${quote(name)} has the unknown key ${quote(key)}; the keys are dtype, shape and data_offsets`;
      throw new FormatError("ST_HEADER_JSON", file, reader.offset, detail);
    }
  });
  if (dtype === undefined) throw new FormatError("ST_DTYPE", file, offset, `tensor ${quote(name)} has no dtype`);
  if (shape === undefined) throw new FormatError("ST_SHAPE", file, offset, `tensor ${quote(name)} has no shape`);
  if (offsets?.length !== 2 || offsets[0] > offsets[1]) {
    const detail = `tensor ${quote(name)} needs data_offsets [begin, end] with begin ≤ end, found [${offsets ?? ""}]`;
    throw new FormatError("ST_OFFSETS", file, offset, detail);
  }

  let bytes: number = ARRAYS[dtype].BYTES_PER_ELEMENT;
  for (const side of shape) {
    bytes *= side;
    if (!Number.isSafeInteger(bytes)) {
      throw new FormatError(
        "ST_SIZE_OVERFLOW",
        file,
        offset,
        `tensor ${quote(name)} of shape [${shape}] is beyond any file`,
      );
    }
  }
  const [begin, end] = offsets;
  if (end - begin !== bytes) {
    const detail = `tensor ${quote(name)}, ${dtype} [${shape}], takes ${bytes} bytes, but data_offsets [${offsets}] span ${end - begin}`;
    throw new FormatError("ST_SIZE_MISMATCH", file, offset, detail);
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

function readDType(reader: JsonReader, file: string, name: string): SafetensorsDType {
  const offset = reader.offset;
  const found = reader.kind() === "string" ? reader.string() : reader.kind();
  if (Object.hasOwn(ARRAYS, found)) return found as SafetensorsDType;
  const detail = `dtype of ${quote(name)} is ${quote(found)}, expected one of ${Object.keys(ARRAYS).join(", ")}`;
  throw new FormatError("ST_DTYPE", file, offset, detail);
}

/** An array of at most `limit` integers from 0 to 2^53 − 1, written as plain digits. */
function readIntegers(
  reader: JsonReader,
  file: string,
  name: string,
  key: "shape" | "data_offsets",
  limit: number,
): number[] {
  const fail = (found: string): never => {
    const detail = `${key} of ${quote(name)} must be at most ${limit} integers from 0 to 2^53 − 1, found ${found}`;
    throw new FormatError(key === "shape" ? "ST_SHAPE" : "ST_OFFSETS", file, reader.offset, detail);
  };
  const out: number[] = [];
  if (reader.kind() !== "array") fail(reader.kind());
  reader.array(() => {
    if (reader.kind() !== "number") fail(reader.kind());
    if (out.length === limit) fail("more");
    const text = reader.numberText();
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) fail(text);
    out.push(Number(text));
  });
  return out;
}

/** Checks that every byte of the data belongs to exactly one tensor. Tensors without elements may share their offset with others. */
function checkLayout(entries: Map<string, SafetensorsEntry>, dataStart: number, fileSize: number, file: string): void {
  let at = dataStart;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin === at) {
      at = end;
      continue;
    }
    const detail = `tensor ${quote(name)} begins at byte ${begin}, expected ${at}, where the one before it ends`;
    if (begin < at) throw new FormatError("ST_OVERLAP", file, begin, detail);
    if (end > fileSize) {
      throw new FormatError(
        "ST_OFFSETS",
        file,
        begin,
        `tensor ${quote(name)} ends at byte ${end} of a file of ${fileSize}`,
      );
    }
    throw new FormatError("ST_HOLE", file, at, detail);
  }
  if (at > fileSize) {
    throw new FormatError(
      "ST_DATA_TRUNCATED",
      file,
      fileSize,
      `the last tensor ends at byte ${at}, but the file has only ${fileSize} bytes`,
    );
  }
  if (at < fileSize) {
    throw new FormatError("ST_TRAILING", file, at, `the last tensor ends here, but ${fileSize - at} more bytes follow`);
  }
}

/** The numbers as float32: F16, BF16, small integers and BOOL exactly, F64 and large integers rounded. */
export function toFloat32({ dtype, data }: SafetensorsTensor): Float32Array {
  const out = new Float32Array(data.length);
  if (dtype === "F16" || dtype === "BF16") {
    const widen = dtype === "F16" ? float16ToBits : bfloat16ToBits;
    const bits = new Uint32Array(out.buffer); // as bits: a NaN keeps its payload
    for (let i = 0; i < bits.length; i++) bits[i] = widen(Number(data[i]));
  } else if (dtype === "BOOL") {
    for (let i = 0; i < out.length; i++) out[i] = data[i] === 0 ? 0 : 1;
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  } else {
    out.set(data);
  }
  return out;
}

/** Counts the NaN and infinite numbers of a tensor, which the format allows. */
export function countNonFinite(tensor: SafetensorsTensor): number {
  const { dtype, data } = tensor;
  if (dtype !== "F64" && dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") return 0;
  const values = dtype === "F64" ? data : toFloat32(tensor); // widening F64 would make large numbers infinite
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}
