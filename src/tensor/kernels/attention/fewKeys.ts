/**
 * Attention to at most 16 keys, an image at a time, with all intermediates in a few KiB of scratch.
 *
 * Such products are too small for panels and tiles. Scores lie in rows of 16, a query each: row i is Σ_c q[i, c]·Kᵀ[c, :]
 * with Kᵀ [headDim, 16] transposed once per head, and the sum starts from 0, or from −∞ where there is no key. Every other
 * product is a weighted sum of rows in place: out[i, :] = Σ_j P[i, j]·v[j, :], and so on for all gradients.
 *
 * Every sum runs in order of c or j; a few rows and 16 columns at a time stay in registers.
 *
 * Of exactly four keys, a row of scores is one vector (fourKeys.ts).
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import { add, f32, f32x4, i32, lt, madd, memoryFill, mul, select, shl, store, sub } from "../../wasm/instructions.ts";
import { inc, range, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, eachRow, storeAll, storeVectors, vectors } from "../../wasm/rows.ts";
import { transposeBlock } from "../../wasm/transpose.ts";
import { fetchRows } from "../fetch.ts";
import type { Tile } from "../gemm/tile.ts";
import type { Ptr } from "../ptr.ts";
import { scratch } from "../scratch.ts";
import { softmaxBackward16, softmaxForward16 } from "../softmax/simd16.ts";
import { probabilities4, scoreGradients4 } from "./fourKeys.ts";
import type { AttentionArgs, AttentionKernels, HeadLayout } from "./interface.ts";

const KEYS = 16;
const ROW = 4 * KEYS; // bytes
const QUADS = [0, 1, 2, 3]; // vectors of a row

/** Whether this file has kernels for the dimensions. */
export const hasFewKeys = ({ keys, headDim }: AttentionArgs): boolean => keys <= KEYS && headDim % KEYS === 0;

/** Row i, or the last row beyond the end, which is computed again with the same result. */
const rowAt = (base: Expr<"i32">, i: Expr<"i32">, rows: Expr<"i32">, step: Expr<"i32">): Expr<"i32"> =>
  add(base, mul(select(lt(i, rows), i, sub(rows, 1)), step));

/** yt [headDim, 16] = yᵀ; the columns beyond `keys` repeat the last key, so that no other values appear. */
const turn = func([i32, i32, i32, i32, i32], (keys, headDim, y, yRow, yt) => {
  const [j, left, to] = [i32.local(), i32.local(), i32.local()];
  const at = QUADS.map(() => i32.local());
  const block = vectors(4);
  return range(j, 0, KEYS, 4, [
    at.map((address, r) => address.set(rowAt(y, add(j, r), keys, yRow))),
    to.set(add(yt, shl(j, 2))),
    range(left, 0, headDim, 4, [
      block.map((v, r) => [v.set(f32x4.load(at[r])), inc(at[r], 16)]),
      transposeBlock(block),
      block.map((v, r) => store(to, v, ROW * r)),
      inc(to, 4 * ROW),
    ]),
  ]);
});

/** acc[row][vector] += weight[row]·(16 numbers at `right`). */
function step(acc: readonly Local<"f32x4">[][], weights: readonly Expr<"f32x4">[], right: Expr<"i32">): Code {
  const w = vectors(acc.length);
  const b = vectors(4);
  return [
    w.map((v, r) => v.set(weights[r])),
    b.map((v, n) => v.set(f32x4.load(right, 16 * n))),
    acc.map((row, r) => row.map((sum, n) => sum.set(madd(w[r], b[n], sum)))),
  ];
}
const sums = (rows: number): Local<"f32x4">[][] => Array.from({ length: rows }, () => vectors(4));
const addresses = (rows: number): Local<"i32">[] => Array.from({ length: rows }, () => i32.local());

/** scores [rows, 16] = start + x·yt, x [rows, headDim]. */
const scoresBy = (tile: number) =>
  func([i32, i32, i32, i32, i32, i32, i32], (rows, headDim, x, xRow, yt, start, scores) => {
    const [i, left, right] = [i32.local(), i32.local(), i32.local()];
    const from = addresses(tile);
    const to = addresses(tile);
    const acc = sums(tile);
    return range(i, 0, rows, tile, [
      from.map((address, r) => address.set(rowAt(x, add(i, r), rows, xRow))),
      to.map((address, r) => address.set(rowAt(scores, add(i, r), rows, i32.const(ROW)))),
      acc.map((row) => row.map((sum, n) => sum.set(f32x4.load(start, 16 * n)))),
      right.set(yt),
      range(left, 0, headDim, 1, [
        step(
          acc,
          from.map((address) => f32x4.loadSplat(address)),
          right,
        ),
        from.map((address) => inc(address, 4)),
        inc(right, ROW),
      ]),
      acc.map((row, r) => storeVectors(to[r], row)),
    ]);
  });

/** out[i, :] = Σ_t w[i, t]·m[t, :], with w[i, t] at w + i·wRow + t·wTerm. */
const weighBy = (tile: number) =>
  func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (rows, terms, headDim, w, wRow, wTerm, m, mRow, out, outRow) => {
      const [i, c, left, right] = [i32.local(), i32.local(), i32.local(), i32.local()];
      const from = addresses(tile);
      const to = addresses(tile);
      const acc = sums(tile);
      return range(i, 0, rows, tile, [
        to.map((address, r) => address.set(rowAt(out, add(i, r), rows, outRow))),
        range(c, 0, headDim, KEYS, [
          from.map((address, r) => address.set(rowAt(w, add(i, r), rows, wRow))),
          acc.map((row) => row.map((sum) => sum.set(f32x4.const(0)))),
          right.set(add(m, shl(c, 2))),
          range(left, 0, terms, 1, [
            step(
              acc,
              from.map((address) => f32x4.loadSplat(address)),
              right,
            ),
            from.map((address) => inc(address, wTerm)),
            inc(right, mRow),
          ]),
          acc.map((row, r) => storeVectors(to[r], row)),
          to.map((address) => inc(address, ROW)),
        ]),
      ]);
    },
  );

/** Copies `cols` numbers of each row; `gap` bytes follow a row. */
const copyRows = func([i32, i32, i32, i32, i32, i32], (rows, cols, from, fromGap, to, toGap) => {
  const v = vectors(4);
  return eachRow(rows, [
    alongRow(cols, 4, [from, to], (lanes) => [lanes.map((l, n) => v[n].set(l.load(from))), storeAll(lanes, to, v)]),
    inc(from, fromGap),
    inc(to, toGap),
  ]);
});

/** Both kinds of product, with `tile` rows of sums in registers. */
const productsBy = (tile: number) => ({ scoresOf: scoresBy(tile), weigh: weighBy(tile) });
type Products = ReturnType<typeof productsBy>;

// Scratch of a head, in this order: start [16], scores [queries, 16], P [queries, 16], yt [headDim, 16]. Four keys need the scores.
const scratchBytes = ({ queries, headDim }: AttentionArgs): number => ROW * (1 + 2 * queries + headDim);

/** Fetches an image: its rows are long ago written when a backward pass reads them, and it reads them head by head. */
const fetchImage = func(
  [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
  (queries, keys, width, q, qRow, k, kRow, v, vRow, seen) => [
    call(fetchRows, queries, width, q, qRow, seen),
    call(fetchRows, keys, width, k, kRow, seen),
    call(fetchRows, keys, width, v, vRow, seen),
  ],
);

/** All heads of all images. `Next`: bytes of a part from the end of an image's last head to the next image. */
// biome-ignore format: two parameter lists
const forward = ({ scoresOf, weigh }: Products) => func(
  [i32, i32, i32, i32, i32, f32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
  (
    images, heads, queries, keys, headDim, scale, q, qRow, qNext, k, kRow, kNext, v, vRow, vNext, out, outRow, outNext,
    probs, start,
  ) => {
    const [h, gap, scores, p, yt] = [i32.local(), i32.local(), i32.local(), i32.local(), i32.local()];
    return [
      gap.set(sub(i32.const(ROW), shl(keys, 2))),
      scores.set(add(start, ROW)),
      yt.set(add(scores, mul(queries, 2 * ROW))),
      eachRow(images, [
        range(h, 0, heads, 1, [
          call(turn, keys, headDim, k, kRow, yt),
          call(scoresOf, queries, headDim, q, qRow, yt, start, scores),
          // Rows of 16 are computed in place, shorter ones in scratch.
          p.set(select(gap, scores, probs)),
          call(softmaxForward16, queries, scale, scores, p),
          when(gap, call(copyRows, queries, keys, p, gap, probs, 0)),
          call(weigh, queries, keys, headDim, p, ROW, 4, v, vRow, out, outRow),
          [q, k, v, out].map((address) => inc(address, shl(headDim, 2))),
          inc(probs, shl(mul(queries, keys), 2)),
        ]),
        [inc(q, qNext), inc(k, kNext), inc(v, vNext), inc(out, outNext)],
      ]),
    ];
  },
);

/** The same for exactly four keys; P is computed in place. */
// biome-ignore format: two parameter lists
const forwardFour = ({ weigh }: Products) => func(
  [i32, i32, i32, i32, i32, f32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
  (
    images, heads, queries, keys, headDim, scale, q, qRow, qNext, k, kRow, kNext, v, vRow, vNext, out, outRow, outNext,
    probs, _,
  ) => {
    const h = i32.local();
    return eachRow(images, [
      range(h, 0, heads, 1, [
        call(probabilities4, queries, headDim, scale, q, qRow, k, kRow, probs),
        call(weigh, queries, keys, headDim, probs, 16, 4, v, vRow, out, outRow),
        [q, k, v, out].map((address) => inc(address, shl(headDim, 2))),
        inc(probs, shl(queries, 4)),
      ]),
      [inc(q, qNext), inc(k, kNext), inc(v, vNext), inc(out, outNext)],
    ]);
  },
);

// biome-ignore format: two parameter lists
const backward = ({ scoresOf, weigh }: Products) => func(
  [
    i32, i32, i32, i32, i32, f32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32,
    i32, i32, i32, i32, i32,
  ],
  (
    images, heads, queries, keys, headDim, scale, q, qRow, qNext, k, kRow, kNext, v, vRow, vNext, g, gRow, gNext,
    dq, dqRow, dqNext, dk, dkRow, dkNext, dv, dvRow, dvNext, probs, start,
  ) => {
    const [h, gap, ds, wide, p, yt] = Array.from({ length: 6 }, () => i32.local());
    return [
      gap.set(sub(i32.const(ROW), shl(keys, 2))),
      ds.set(add(start, ROW)),
      wide.set(add(ds, mul(queries, ROW))),
      yt.set(add(wide, mul(queries, ROW))),
      memoryFill(start, 0, sub(yt, start)),
      eachRow(images, [
        call(fetchImage, queries, keys, mul(heads, headDim), q, qRow, k, kRow, v, vRow, yt),
        range(h, 0, heads, 1, [
          p.set(select(gap, wide, probs)),
          when(gap, call(copyRows, queries, keys, probs, 0, p, gap)),
          call(weigh, keys, queries, headDim, p, 4, ROW, g, gRow, dv, dvRow),
          call(turn, keys, headDim, v, vRow, yt),
          call(scoresOf, queries, headDim, g, gRow, yt, start, ds),
          call(softmaxBackward16, queries, scale, p, ds, ds),
          call(weigh, queries, keys, headDim, ds, ROW, 4, k, kRow, dq, dqRow),
          call(weigh, keys, queries, headDim, ds, 4, ROW, q, qRow, dk, dkRow),
          [q, k, v, g, dq, dk, dv].map((address) => inc(address, shl(headDim, 2))),
          inc(probs, shl(mul(queries, keys), 2)),
        ]),
        [inc(q, qNext), inc(k, kNext), inc(v, vNext), inc(g, gNext)],
        [inc(dq, dqNext), inc(dk, dkNext), inc(dv, dvNext)],
      ]),
    ];
  },
);

/** The same for exactly four keys. */
// biome-ignore format: two parameter lists
const backwardFour = ({ weigh }: Products) => func(
  [
    i32, i32, i32, i32, i32, f32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32,
    i32, i32, i32, i32, i32,
  ],
  (
    images, heads, queries, keys, headDim, scale, q, qRow, qNext, k, kRow, kNext, v, vRow, vNext, g, gRow, gNext,
    dq, dqRow, dqNext, dk, dkRow, dkNext, dv, dvRow, dvNext, probs, ds,
  ) => {
    const h = i32.local();
    return eachRow(images, [
      call(fetchImage, queries, keys, mul(heads, headDim), q, qRow, k, kRow, v, vRow, ds),
      range(h, 0, heads, 1, [
        call(weigh, keys, queries, headDim, probs, 4, 16, g, gRow, dv, dvRow),
        call(scoreGradients4, queries, headDim, scale, g, gRow, v, vRow, probs, ds),
        call(weigh, queries, keys, headDim, ds, 16, 4, k, kRow, dq, dqRow),
        call(weigh, keys, queries, headDim, ds, 4, 16, q, qRow, dk, dkRow),
        [q, k, v, g, dq, dk, dv].map((address) => inc(address, shl(headDim, 2))),
        inc(probs, shl(queries, 4)),
      ]),
      [inc(q, qNext), inc(k, kNext), inc(v, vNext), inc(g, gNext)],
      [inc(dq, dqNext), inc(dk, dkNext), inc(dv, dvNext)],
    ]);
  },
);

/** For dimensions that pass `hasFewKeys`. */
export function fewKeysAttention(heap: Heap, variant: Variant, tile: Tile): AttentionKernels {
  // Four rows of 16 sums fit the registers where the wide tile of the matrix product does.
  const products = productsBy(tile.columns >= KEYS ? 4 : 2);
  const wasm = instantiate(heap.memory, variant, {
    forward: forward(products),
    forwardFour: forwardFour(products),
    backward: backward(products),
    backwardFour: backwardFour(products),
  });
  const workspace = scratch(heap);
  /** Start of a part, and the bytes from row to row and from the end of an image to the next. */
  const place = ({ at, batch, row }: HeadLayout, width: number): [Ptr, number, number] => [
    at,
    4 * row,
    4 * (batch - width),
  ];
  return {
    attention(args) {
      const { batch, heads, queries, keys, headDim, q, k, v, out, probs } = args;
      const width = heads * headDim;
      const start = workspace(scratchBytes(args));
      heap.f32.fill(0, start / 4, start / 4 + keys);
      heap.f32.fill(Number.NEGATIVE_INFINITY, start / 4 + keys, start / 4 + KEYS);
      (keys === 4 ? wasm.forwardFour : wasm.forward)(
        batch, heads, queries, keys, headDim, 1 / Math.sqrt(headDim), ...place(q, width), ...place(k, width),
        ...place(v, width), ...place(out, width), probs, start,
      ); // biome-ignore format: as the parameters above
    },
    attentionGrad(args) {
      const { batch, heads, queries, keys, headDim, q, k, v, g, dq, dk, dv, probs } = args;
      const width = heads * headDim;
      const start = workspace(scratchBytes(args));
      (keys === 4 ? wasm.backwardFour : wasm.backward)(
        batch, heads, queries, keys, headDim, 1 / Math.sqrt(headDim), ...place(q, width), ...place(k, width),
        ...place(v, width), ...place(g, width), ...place(dq, width), ...place(dk, width), ...place(dv, width), probs, start,
      ); // biome-ignore format: as the parameters above
    },
  };
}
