/**
 * Pillow's `Image.resize` of 8-bit RGB, to the bit: columns, then rows, each rounded to bytes.
 *
 *   out(i) = clamp((2²¹ + Σ wⱼ · in(j)) >> 22)      wⱼ = round(2²² · k((j − c + ½) / s) / Σ k)      c = (i + ½) · from / to
 *
 * s = max(1, from / to), so the filter k widens when the image is reduced; taps outside the image are dropped. Weights are
 * computed in float64, sums in 32-bit integers. A pass that does not change the size is left out.
 *
 * Pillow 13 filters rows first where an image loses more than twice as many rows as columns. The released models were trained and
 * used with earlier versions, and this follows those (compared with Pillow 11.3.0, 12.0.0 and 12.2.0).
 *
 * Pillow, src/libImaging/Resample.c.
 */
import { heap, kernelsFor } from "../../tensor/index.ts";
import { layTaps, type Taps } from "./taps.ts";

/** A filter: its value at a distance, and the distance from which it is 0. */
interface Filter {
  readonly at: (distance: number) => number;
  readonly radius: number;
}

/** Keys' cubic has a = −½. */
const A = -0.5;
const cubic = (x: number): number => {
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
};

const FILTERS = {
  bilinear: { at: (x) => Math.max(0, 1 - x), radius: 1 },
  bicubic: { at: cubic, radius: 2 },
} as const satisfies Readonly<Record<string, Filter>>;

/** Bits after the binary point of a weight, as in the kernels: 32, less 8 of a byte and 2 for overshoots. */
const BITS = 22;

/** Half away from zero, as C rounds by a cast. */
const toFixed = (weight: number): number => Math.trunc(weight * 2 ** BITS + (weight < 0 ? -0.5 : 0.5));

function tapsOf(from: number, to: number, { at, radius }: Filter): Taps<Int32Array> {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = radius * stretch;
  const outputs = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights: number[] = [];
    for (let j = first; j < end; j++) weights.push(at(Math.abs((j - centre + 0.5) * (1 / stretch))));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => toFixed(weight / sum)) };
  });
  return layTaps(outputs, (length) => new Int32Array(length));
}

/** Bytes behind an image that a kernel may touch. */
const ROOM = 16;
/** Bytes of the rows that are in the heap at a time. */
const STRIP = 2 ** 20;

/** Calls `use` with blocks of the heap of at least so many bytes. */
function withBlocks(sizes: readonly number[], use: (...addresses: number[]) => void): void {
  const blocks: number[] = [];
  try {
    for (const size of sizes) blocks.push(heap.allocate(size));
    use(...blocks);
  } finally {
    blocks.forEach((address, i) => {
      heap.release(address, sizes[i]);
    });
  }
}

/** [rows, from, 3] → [rows, to, 3]. */
function resizeColumns(rgb: Uint8Array, rows: number, from: number, to: number, filter: Filter): Uint8Array {
  const taps = tapsOf(from, to, filter);
  const [stride, toStride] = [3 * from, 3 * to];
  const strip = Math.max(1, Math.floor(STRIP / stride));
  const out = new Uint8Array(rows * toStride);
  withBlocks([strip * stride + ROOM, strip * toStride + ROOM], (read, written) => {
    for (let y = 0; y < rows; y += strip) {
      const count = Math.min(strip, rows - y);
      heap.bytes.set(rgb.subarray(y * stride, (y + count) * stride), read);
      kernelsFor("f32").resizeColumns(count, from, taps, read, written);
      out.set(heap.bytes.subarray(written, written + count * toStride), y * toStride);
    }
  });
  return out;
}

/** [from, columns, 3] → [to, columns, 3]. */
function resizeRows(rgb: Uint8Array, from: number, columns: number, to: number, filter: Filter): Uint8Array {
  const taps = tapsOf(from, to, filter);
  const stride = 3 * columns;
  const out = new Uint8Array(to * stride);
  withBlocks([rgb.length + stride + ROOM, out.length + ROOM], (read, written) => {
    heap.bytes.set(rgb, read);
    kernelsFor("f32").resizeRows(stride, taps, read, written);
    out.set(heap.bytes.subarray(written, written + out.length));
  });
  return out;
}

/** Resizes [height, width, 3] to [toHeight, toWidth, 3]. */
export function pillowResize(
  rgb: Uint8Array,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
  method: keyof typeof FILTERS,
): Uint8Array {
  const filter = FILTERS[method];
  const narrow = width === toWidth ? rgb : resizeColumns(rgb, height, width, toWidth, filter);
  return height === toHeight ? narrow : resizeRows(narrow, height, toWidth, toHeight, filter);
}
