/**
 * Structured damage to a small file of each format: fields set to telling numbers, pieces moved, doubled, removed. Each file is read
 * in full or refused with a `FormatError`; no other exception, and no memory by an unchecked number.
 *
 * `npm run test:mutations` makes a million files instead of 50,000.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  FormatError,
  openNpz,
  openSafetensors,
  parseJson,
  readNpy,
  readSafetensorsIndex,
  type SafetensorsTensor,
  sizeOf,
  sourceOfBytes,
  type TensorSource,
  writeSafetensors,
} from "../../src/formats/index.ts";
import { zlib } from "../../src/models/files.ts";
import { Rng } from "../../src/tensor/index.ts";
import { released } from "../support/released.ts";

const COUNT = Number(process.env.MUTATIONS ?? 50_000);

const readAll = (source: TensorSource): void => {
  for (const [name, entry] of source.entries) source.read(name, 0, sizeOf(entry));
};

const tensors = new Map<string, SafetensorsTensor>([
  ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["bias", { dtype: "BF16", shape: [3], data: Uint16Array.of(0x3f80, 0x8000, 0x7fc1) }],
]);
const npyHeader = "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }\n";
const npy = Uint8Array.from(`\x93NUMPY\x01\x00${String.fromCharCode(npyHeader.length)}\x00${npyHeader}abcdefgh`, (c) =>
  c.charCodeAt(0),
);

/** Files that are read whole, with their readers. */
const formats: Readonly<Record<string, readonly [good: Uint8Array, read: (bytes: Uint8Array) => void]>> = {
  safetensors: [
    writeSafetensors(tensors, new Map([["format", "pt"]])),
    (bytes) => readAll(openSafetensors(sourceOfBytes(bytes, "m.safetensors"))),
  ],
  npz: [readFileSync(released("numpy/arrays.npz")), (bytes) => readAll(openNpz(sourceOfBytes(bytes, "m.npz"), zlib))],
  deflatedNpz: [
    readFileSync(released("numpy/arrays_compressed.npz")),
    (bytes) => readAll(openNpz(sourceOfBytes(bytes, "m.npz"), zlib)),
  ],
  npy: [npy, (bytes) => readNpy(bytes, "m.npy")],
  json: [readFileSync(released("hf/tiny/config.json")), (bytes) => parseJson(bytes, "config.json")],
  index: [
    new TextEncoder().encode(
      '{"metadata": {"total_size": 8}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}',
    ),
    (bytes) => readSafetensorsIndex(bytes, "index.json"),
  ],
};

const TELLING = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A damaged copy: one to three of the changes above. */
function mutated(good: Uint8Array, rng: Rng): Uint8Array {
  let bytes = Uint8Array.from(good);
  for (let left = 1 + rng.integer(3); left > 0 && bytes.length > 0; left--) {
    const at = rng.integer(bytes.length);
    const kind = rng.integer(4);
    if (kind === 0) bytes[at] = rng.integer(256);
    else if (kind === 1) {
      const value = rng.integer(2) === 0 ? TELLING[rng.integer(TELLING.length)] : good.length + rng.integer(5) - 2;
      const width = [1, 2, 4, 8][rng.integer(4)];
      for (let i = 0; i < width && at + i < bytes.length; i++) bytes[at + i] = Math.floor(value / 256 ** i) % 256;
    } else {
      const from = rng.integer(bytes.length);
      const piece = kind === 2 ? bytes.slice(from, from + 1 + rng.integer(40)) : new Uint8Array(0);
      const removed = kind === 3 || rng.integer(2) === 0 ? 1 + rng.integer(40) : 0;
      bytes = Uint8Array.from([...bytes.subarray(0, at), ...piece, ...bytes.subarray(at + removed)]);
    }
  }
  return bytes;
}

it.each(Object.keys(formats))(
  "a damaged %s file is read or refused with a FormatError",
  (name) => {
    const [good, read] = formats[name];
    read(good);
    const rng = new Rng(0).split(name);
    const codes = new Map<string, number>();
    for (let i = 0; i < COUNT / Object.keys(formats).length; i++) {
      const bytes = mutated(good, rng);
      try {
        read(bytes);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        if (error.message.length > 500) throw error;
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      }
    }
    expect(codes.size).toBeGreaterThan(2); // the damage is found in more than one way
  },
  1_200_000,
);
