/** Named tensors of which parts are read without the rest: a safetensors file (here), an npz file (npz.ts). */
import type { ByteSource } from "./byteSource.ts";
import {
  ARRAYS,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsHeader,
  type SafetensorsTensor,
  safetensorsHeaderLength,
  tensorOfOwnBytes,
} from "./safetensors.ts";

/** Type and shape of a tensor. */
export interface TensorEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
}

/** Named tensors that are read in parts. */
export interface TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * The numbers [begin, end) of a tensor in row-major order, as a vector. A `buffer` that is large enough may be overwritten and hold
   * them. Throws `FormatError`, and `RangeError` beyond the tensor.
   */
  read(name: string, begin: number, end: number, buffer?: ArrayBuffer): SafetensorsTensor;
}

/** The number of numbers in a tensor. */
export const sizeOf = ({ shape }: Pick<TensorEntry, "shape">): number => shape.reduce((a, b) => a * b, 1);

/** Throws `RangeError` unless a tensor of this name has the numbers [begin, end). */
export function checkRange(source: Pick<TensorSource, "entries">, name: string, begin: number, end: number): void {
  const entry = source.entries.get(name);
  if (entry === undefined) throw new RangeError(`read: there is no tensor ${JSON.stringify(name)}`);
  if (Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= sizeOf(entry)) return;
  throw new RangeError(`read: ${JSON.stringify(name)} has ${sizeOf(entry)} numbers, not [${begin}, ${end})`);
}

/** Rows [begin, end) of a tensor, counted along its first axis. */
export function readRows(source: TensorSource, name: string, begin: number, end: number): SafetensorsTensor {
  checkRange(source, name, 0, 0);
  const { shape } = source.entries.get(name)!;
  const row = sizeOf({ shape: shape.slice(1) });
  return { ...source.read(name, begin * row, end * row), shape: [end - begin, ...shape.slice(1)] };
}

/** A safetensors file whose tensors are read by position. Reads and checks the header; throws `FormatError`. */
export function openSafetensors(bytes: ByteSource): TensorSource & SafetensorsHeader {
  const { name: file, size } = bytes;
  const length = safetensorsHeaderLength(bytes.read(0, Math.min(8, size)), size, file);
  const { entries, metadata } = readSafetensorsHeader(bytes.read(8, 8 + length), size, file);
  return {
    entries,
    metadata,
    read(name, begin, end, buffer) {
      checkRange(this, name, begin, end);
      const entry = entries.get(name)!;
      const item = ARRAYS[entry.dtype].BYTES_PER_ELEMENT;
      const part = { ...entry, shape: [end - begin] };
      return tensorOfOwnBytes(part, bytes.read(entry.begin + begin * item, entry.begin + end * item, buffer));
    },
  };
}
