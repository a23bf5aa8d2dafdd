/**
 * An image resized along one axis in integers, two taps at once.
 *
 *     w = 2¹¹·high + low      Σ w·x = 2¹¹·Σ high·x + Σ low·x      low in 0..2047, high 16 bits with sign
 *
 * One instruction multiplies eight numbers of 16 bits and adds the products in pairs, exactly in 32 bits; so a pair is two taps of one
 * channel, and a weight has two parts. Columns: four lanes are the red, green and blue of a pixel and nothing. Rows: eight bytes beside
 * each other. Sums wrap modulo 2³², as those of the plain loops, so the bytes are the same.
 */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import {
  add, i16x8, i32, i32x4, lt, mul, select, shl, shr, shuffleBytes,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, range } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { dotPairs, packBytesU, storePart } from "../../wasm/smallIntegers.ts";
import { scratch } from "../scratch.ts";
import { type FixedTaps, type ResizeKernels, WEIGHT_BITS } from "./interface.ts";

/** Bits of the low part of a weight. */
const LOW = 11;
/** Bytes of a pair of taps: two high parts, two low parts. */
const PAIR = 8;
/** Taps of a column that are read at once, and their bytes. */
const [GROUP, GROUP_BYTES] = [4, 12];
/** A byte of the second operand of a shuffle, which is all zeros. */
const Z = 16;
const PAIRS = [
  [0, Z, 3, Z, 1, Z, 4, Z, 2, Z, 5, Z, Z, Z, Z, Z],
  [6, Z, 9, Z, 7, Z, 10, Z, 8, Z, 11, Z, Z, Z, Z, Z],
]; // biome-ignore format: red, green and blue of pixels 0 and 1, of pixels 2 and 3
/** Numbers of 16 bits of two vectors, in turn: the first four of each, the last four. */
const IN_TURN = [0, 4].map((start) =>
  [0, 1, 2, 3].flatMap((i) => [0, 16].flatMap((operand) => [0, 1].map((byte) => operand + 2 * (start + i) + byte))),
);

/** Sums, or the weights of two taps, in two parts. */
interface Parts<T extends "i32x4" | "i16x8"> {
  readonly high: Local<T>;
  readonly low: Local<T>;
}
type Sums = Parts<"i32x4">;
type Weights = Parts<"i16x8">;
const sums = (): Sums => ({ high: i32x4.local(), low: i32x4.local() });
const setToZero = ({ high, low }: Sums): Code => [high, low].map((part) => part.set(i32x4.const(0)));

const twoTaps = (): Weights => ({ high: i16x8.local(), low: i16x8.local() });
const readWeights = ({ high, low }: Weights, at: Expr<"i32">, offset = 0): Code => [
  high.set(i16x8.reinterpret(i32x4.splat(i32.load(at, offset)))),
  low.set(i16x8.reinterpret(i32x4.splat(i32.load(at, offset + 4)))),
];

/** Adds the products of pairs of taps with their weights. */
const accumulate = ({ high, low }: Sums, pairs: Expr<"i16x8">, held: Local<"i16x8">, weights: Weights): Code => [
  held.set(pairs),
  high.set(add(high, dotPairs(held, weights.high))),
  low.set(add(low, dotPairs(held, weights.low))),
];

const total = ({ high, low }: Sums): Expr<"i32x4"> =>
  shr(add(add(shl(high, LOW), low), i32x4.const(1 << (WEIGHT_BITS - 1))), WEIGHT_BITS);

/**
 * Two rows at once, which share the weights; the last one of an odd number twice. `table`: for each output the byte where its first tap
 * lies in a row, and its groups.
 */
const columns = func([i32, i32, i32, i32, i32, i32, i32], (rows, rowBytes, to, x, out, table, weights) => {
  const [y, i, g, groups, at, below, outBelow, entry, w] = Array.from({ length: 9 }, () => i32.local());
  const [pixels, zero, held] = [0, 1, 2].map(() => i16x8.local());
  const bytes = i32x4.local();
  const [first, second, weight] = [sums(), sums(), twoTaps()];
  return range(y, 0, rows, 2, [
    entry.set(table),
    w.set(weights),
    below.set(select(lt(add(y, 1), rows), rowBytes, 0)),
    outBelow.set(select(lt(add(y, 1), rows), mul(to, 3), 0)),
    range(i, 0, to, 1, [
      at.set(add(x, i32.load(entry))),
      groups.set(i32.load(entry, 4)),
      inc(entry, 8),
      [first, second].map(setToZero),
      range(g, 0, groups, 1, [
        PAIRS.map((order, k) => [
          readWeights(weight, w, k * PAIR),
          [first, second].map((row, r) => [
            pixels.set(i16x8.load(r === 0 ? at : add(at, below))),
            accumulate(row, shuffleBytes(pixels, zero, order), held, weight),
          ]),
        ]),
        inc(at, GROUP_BYTES),
        inc(w, 2 * PAIR),
      ]),
      bytes.set(packBytesU(total(first), total(second))), // r g b 0 of both
      [0, 1].map((r) => {
        const to = r === 0 ? out : add(out, outBelow);
        return [storePart(to, bytes, 2, 2 * r), storePart(to, bytes, 1, 4 * r + 2, 2)];
      }),
      inc(out, 3),
    ]),
    inc(x, shl(rowBytes, 1)),
    inc(out, outBelow),
  ]);
});

/** `table`: for each output the byte where its first row begins, and its pairs of rows. */
const rows = func([i32, i32, i32, i32, i32, i32], (width, to, x, out, table, weights) => {
  const [i, c, k, pairs, at, entry, w] = Array.from({ length: 7 }, () => i32.local());
  const [above, below, held] = [0, 1, 2].map(() => i16x8.local());
  const [left, right, weight] = [sums(), sums(), twoTaps()];
  return [
    entry.set(table),
    range(i, 0, to, 1, [
      pairs.set(i32.load(entry, 4)),
      range(c, 0, width, 8, [
        at.set(add(add(x, i32.load(entry)), c)),
        w.set(weights),
        [left, right].map(setToZero),
        range(k, 0, pairs, 1, [
          above.set(i16x8.loadBytesU(at)),
          below.set(i16x8.loadBytesU(add(at, width))),
          readWeights(weight, w),
          [left, right].map((four, half) => accumulate(four, shuffleBytes(above, below, IN_TURN[half]), held, weight)),
          inc(at, shl(width, 1)),
          inc(w, PAIR),
        ]),
        storePart(add(out, c), packBytesU(total(left), total(right)), 8, 0), // the next row replaces what is too much
      ]),
      weights.set(w),
      inc(entry, 8),
      inc(out, width),
    ]),
  ];
});

/** Writes the table, and the weights behind it in steps of `step` taps, filled up with zeros; returns where the weights begin. */
function layOut(heap: Heap, address: number, taps: FixedTaps, step: number, bytesOfTap: number): number {
  const { first, count, weights, span } = taps;
  const to = first.length;
  const words = new Int32Array(heap.bytes.buffer);
  let at = address / 4 + 2 * to;
  for (let i = 0; i < to; i++) {
    const steps = Math.ceil(count[i] / step);
    words[address / 4 + 2 * i] = first[i] * bytesOfTap;
    words[address / 4 + 2 * i + 1] = steps;
    const weight = (k: number): number => (k < count[i] ? weights[i * span + k] : 0);
    for (let k = 0; k < steps * step; k += 2) {
      const [a, b] = [weight(k), weight(k + 1)];
      words[at++] = ((a >> LOW) & 0xffff) | ((b >> LOW) << 16);
      words[at++] = (a & (2 ** LOW - 1)) | ((b & (2 ** LOW - 1)) << 16);
    }
  }
  return address + 8 * to;
}

export function simdResize(heap: Heap, variant: Variant): ResizeKernels {
  const wasm = instantiate(heap.memory, variant, { columns, rows });
  const block = scratch(heap);
  const bytesOf = ({ first, span }: FixedTaps): number => first.length * (8 + (span + GROUP) * 4);
  return {
    resizeColumns(count, from, taps, x, out) {
      const table = block(bytesOf(taps));
      const weights = layOut(heap, table, taps, GROUP, 3);
      wasm.columns(count, 3 * from, taps.first.length, x, out, table, weights);
    },
    resizeRows(width, taps, x, out) {
      const table = block(bytesOf(taps));
      const weights = layOut(heap, table, taps, 2, width);
      wasm.rows(width, taps.first.length, x, out, table, weights);
    },
  };
}
