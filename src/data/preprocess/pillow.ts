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

/** Bits after the binary point of a weight: 32, less 8 of a byte and 2 for overshoots. */
const BITS = 22;
const ONE_HALF = 1 << (BITS - 1);

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

const clampToByte = (sum: number): number => Math.min(255, Math.max(0, sum >> BITS));

/** [rows, from, 3] → [rows, to, 3]. */
function resizeColumns(rgb: Uint8Array, rows: number, from: number, to: number, filter: Filter): Uint8Array {
  const { first, count, weights, span } = tapsOf(from, to, filter);
  const out = new Uint8Array(rows * to * 3);
  for (let y = 0, put = 0; y < rows; y++) {
    for (let i = 0; i < to; i++, put += 3) {
      let at = (y * from + first[i]) * 3;
      const end = i * span + count[i];
      let [red, green, blue] = [ONE_HALF, ONE_HALF, ONE_HALF];
      for (let k = i * span; k < end; k++, at += 3) {
        const weight = weights[k];
        red = (red + Math.imul(weight, rgb[at])) | 0;
        green = (green + Math.imul(weight, rgb[at + 1])) | 0;
        blue = (blue + Math.imul(weight, rgb[at + 2])) | 0;
      }
      out[put] = clampToByte(red);
      out[put + 1] = clampToByte(green);
      out[put + 2] = clampToByte(blue);
    }
  }
  return out;
}

/** [from, columns, 3] → [to, columns, 3]. */
function resizeRows(rgb: Uint8Array, from: number, columns: number, to: number, filter: Filter): Uint8Array {
  const { first, count, weights, span } = tapsOf(from, to, filter);
  const stride = columns * 3;
  const out = new Uint8Array(to * stride);
  const sums = new Int32Array(stride);
  for (let i = 0; i < to; i++) {
    sums.fill(ONE_HALF);
    for (let k = 0; k < count[i]; k++) {
      const weight = weights[i * span + k];
      const start = (first[i] + k) * stride;
      for (let x = 0; x < stride; x++) sums[x] += Math.imul(weight, rgb[start + x]);
    }
    for (let x = 0; x < stride; x++) out[i * stride + x] = clampToByte(sums[x]);
  }
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
