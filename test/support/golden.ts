/**
 * Golden vectors under test/fixtures: `<name>.json` beside `<name>.safetensors`.
 *
 * safetensors: u64 length of a JSON header, the header {name: {dtype, shape, data_offsets}}, the bytes. Trusting, for
 * fixtures only: the strict reader is src/formats.
 */
import { readFileSync } from "node:fs";

const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array, BOOL: Uint8Array } as const;

interface Entry {
  readonly dtype: keyof typeof ARRAYS;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

export function golden(name: string) {
  const path = new URL(`../fixtures/${name}`, import.meta.url).pathname;
  const bytes = readFileSync(`${path}.safetensors`);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  return {
    json: JSON.parse(readFileSync(`${path}.json`, "utf8")),
    array(tensor: string): Float32Array | Float64Array | Int32Array | Uint8Array {
      const { dtype, data_offsets } = header[tensor];
      const [start, end] = data_offsets.map((offset) => 8 + headerLength + offset);
      return new ARRAYS[dtype](Uint8Array.from(bytes.subarray(start, end)).buffer);
    },
  };
}
