import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FixedTaps, ResizeKernels } from "../../../../src/tensor/kernels/resize/interface.ts";
import { simdResize } from "../../../../src/tensor/kernels/resize/simd.ts";
import { Rng } from "../../../../src/tensor/random.ts";
import { heap, oracle, seeds, VARIANTS } from "../arena.ts";

const ROOM = 16; // bytes that a kernel may touch behind an image
const GUARD = 0xa5;

/** Taps inside `from` inputs with any weights, also such as no filter has: sums wrap. */
function tapsOf(from: number, to: number, span: number, seed: number): FixedTaps {
  const rng = new Rng(seed);
  const counts = Array.from({ length: to }, () => rng.integer(Math.min(span, from) + 1));
  return {
    first: Int32Array.from(counts, (count) => rng.integer(from - count + 1)),
    count: Int32Array.from(counts),
    weights: Int32Array.from({ length: to * span }, () => rng.integer(2 ** 23) - 2 ** 22),
    span,
  };
}

/** The bytes that a kernel writes; nothing before them and nothing behind their room may change. */
function written(bytes: Uint8Array, room: number, length: number, run: (x: number, out: number) => void): Uint8Array {
  const sizes = [bytes.length + room + ROOM, length + 3 * ROOM];
  const [x, out] = sizes.map((size) => heap.allocate(size));
  heap.bytes.set(bytes, x);
  heap.bytes.fill(GUARD, out, out + sizes[1]);
  run(x, out + ROOM);
  const result = heap.bytes.slice(out + ROOM, out + ROOM + length);
  const around = [...heap.bytes.slice(out, out + ROOM), ...heap.bytes.slice(out + 2 * ROOM + length, out + sizes[1])];
  expect(around.every((byte) => byte === GUARD)).toBe(true);
  [x, out].forEach((address, i) => {
    heap.release(address, sizes[i]);
  });
  return result;
}

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  from: fc.integer({ min: 1, max: 40 }),
  to: fc.integer({ min: 1, max: 40 }),
  span: fc.integer({ min: 1, max: 30 }),
  seed: seeds,
});
const randomBytes = (length: number, seed: number): Uint8Array => {
  const rng = new Rng(seed);
  return Uint8Array.from({ length }, () => rng.integer(256));
};

describe.each(VARIANTS)("resizing in integers, %o", (variant) => {
  const simd = simdResize(heap, variant);
  const columns = (kernels: ResizeKernels, { rows, from, to, span, seed }: Shape): Uint8Array => {
    const taps = tapsOf(from, to, span, seed);
    return written(randomBytes(rows * from * 3, seed), 0, rows * to * 3, (x, out) =>
      kernels.resizeColumns(rows, from, taps, x, out),
    );
  };
  const rows = (kernels: ResizeKernels, { rows: width, from, to, span, seed }: Shape): Uint8Array => {
    const taps = tapsOf(from, to, span, seed);
    return written(randomBytes(width * from, seed), width, width * to, (x, out) =>
      kernels.resizeRows(width, taps, x, out),
    );
  };

  test.each([
    ["columns", columns],
    ["rows", rows],
  ])("%s have the bytes of the plain loops for any weights, and touch no more than their room", (_, resized) => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(resized(simd, shape)).toEqual(resized(oracle, shape));
      }),
    );
  });
});

type Shape = typeof shapes extends fc.Arbitrary<infer S> ? S : never;
