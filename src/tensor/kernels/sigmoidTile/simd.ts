/**
 * One tile of the sigmoid loss: G = −z·σ(−z·ℓ), z = ±1, in place of the inner products, with Σ −log σ(±ℓ) and Σ G.
 *
 * A negative pair costs softplus(ℓ) and has G = σ(ℓ). A positive pair is a negative pair of logit −ℓ: it costs softplus(−ℓ) and has
 * G = −σ(−ℓ). So a tile is runs of negatives with single positives between them, on the diagonal; one formula serves
 * both, and nothing cancels.
 *
 *     e = exp(−|ℓ|)      σ(ℓ) = (ℓ ≥ 0 ? 1 : e) / (1 + e)      softplus(ℓ) = max(ℓ, 0) + log(1 + e)
 *
 * One logarithm serves 16 numbers: that of their product, carried less 1, so that small e keep their digits.
 *
 *     Σ log(1 + eᵢ) = log(1 + q)      1 + q = ∏ (1 + eᵢ)      q ← q·(1 + e) + e
 *
 * A step costs at most three roundings of the q so far; log(1 + q) does not magnify relative errors. Losses and G are
 * summed in f32 over at most 32 numbers and then in f64; the sum is that of max(ℓ, 0)/128, so that no sum of finite
 * logits overflows. In all: σ within 2.5 units in the last place, loss and Σ|σ| within 20 roundings (1.2e-6) whatever the number of
 * pairs, and within 2e-7 in practice. σ(ℓ) is 0 for ℓ < −87.68: products with subnormal numbers are slow.
 *
 * Zhai et al. 2023, arXiv:2303.15343.   s, G [rows, cols]   ℓ = t·s + b
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, seq, type Variant } from "../../wasm/assembler.ts";
import {
  add, and, div, f32, f32x4, f64, f64x2, ge, gt, i32, i32x4, lane, lt, madd, mul, neg, pmax, select, shl, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, loopWhile, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import {
  alongRow,
  clear,
  type Lanes,
  pairwise,
  promoteHigh,
  storeAll,
  UNROLL,
  vectors,
  whole,
} from "../../wasm/rows.ts";
import { expFlush, log1p } from "../scalar/exp.ts";
import { minusAbs } from "../scalar/simd.ts";
import type { SigmoidTileKernels } from "./interface.ts";

const RUN = 128; // numbers of an unrolled run: the engine fuses neighbours only in straight-line code
const MOST_PART = 64; // numbers of a part of a run: ∏ (1 + e) ≤ 2⁶⁴

const ONE = i32x4.reinterpret(f32x4.const(1));
const oneOrZero = (mask: Expr<"i32x4">): Expr<"f32x4"> => f32x4.reinterpret(and(mask, ONE));

/** (1 + p)(1 + q) − 1 */
function join(p: Expr<"f32x4">, q: Expr<"f32x4">): Expr<"f32x4"> {
  const local = f32x4.local();
  return seq(local.set(q), madd(p, add(local, 1), local));
}

/** The sums of one run, each in UNROLL vectors, and the step that adds some vectors of the tile to them. */
function run(s: Expr<"i32">, t: Expr<"f32x4">, b: Expr<"f32x4">) {
  const [l, e, onePlus, g, q, above, sum] = Array.from({ length: 7 }, () => vectors(UNROLL));
  const step = (lanes: readonly Lanes[]): Code => [
    lanes.map((at, i) => l[i].set(at.within(madd(at.load(s), t, b), Number.NEGATIVE_INFINITY))),
    lanes.map((_, i) => e[i].set(expFlush(minusAbs(l[i])))),
    lanes.map((_, i) => onePlus[i].set(add(e[i], 1))),
    lanes.map((_, i) => g[i].set(div(pmax(e[i], oneOrZero(ge(l[i], 0))), onePlus[i]))),
    storeAll(lanes, s, g),
    lanes.map((_, i) => sum[i].set(add(sum[i], g[i]))),
    lanes.map((_, i) => above[i].set(madd(pmax(l[i], 0), 1 / RUN, above[i]))),
    lanes.map((_, i) => q[i].set(madd(q[i], onePlus[i], e[i]))),
  ];
  return { q, above, sum, step, begin: [clear(q), clear(above), clear(sum)] };
}

const inF64 = (x: Local<"f32x4">): Expr<"f64x2"> => add(f64x2.promoteLow(x), promoteHigh(x));
const both = (x: Local<"f64x2">): Expr<"f64"> => add(lane(x, 0), lane(x, 1));
/** Adds to the two f64 at `sums`: loss, Σ G. */
const addTo = (sums: Expr<"i32">, lossPerRun: Expr<"f64">, sum: Expr<"f64">): Code => [
  store(sums, add(f64.load(sums), mul(lossPerRun, RUN))),
  store(sums, add(f64.load(sums, 8), sum), 8),
];

/** (n, s, t, b, sums, scratch): `n` negatives, a multiple of RUN. `scratch` is 64 bytes. */
const wholeRuns = func([i32, i32, f32, f32, i32, i32], (n, s, t, b, sums, scratch) => {
  const [ts, bs, total] = vectors(3);
  const [losses, gs] = [f64x2.local(), f64x2.local()];
  const { q, above, sum, step, begin } = run(s, ts, bs);
  const steps = Array.from({ length: RUN / (4 * UNROLL) }, (_, i) =>
    step(Array.from({ length: UNROLL }, (_, j) => whole(UNROLL * i + j))),
  );
  // Half of the vectors and then the other half, so that neighbours stay neighbours; stores tell the engine to fuse them.
  const halves = [0, 1].map((i) => [
    q[i].set(join(q[i], q[i + 2])),
    above[i].set(add(above[i], above[i + 2])),
    sum[i].set(add(sum[i], sum[i + 2])),
  ]);
  const lossOfLanes = [0, 1].map((i) => q[i].set(madd(log1p(q[i]), 1 / RUN, above[i])));
  return [
    ts.set(f32x4.splat(t)),
    bs.set(f32x4.splat(b)),
    loopWhile(gt(n, 0), [
      begin,
      steps,
      halves,
      lossOfLanes,
      [q[0], q[1], sum[0], sum[1]].map((v, i) => store(scratch, v, 16 * i)),
      total.set(add(f32x4.load(scratch), f32x4.load(scratch, 16))),
      losses.set(add(losses, inF64(total))),
      total.set(add(f32x4.load(scratch, 32), f32x4.load(scratch, 48))),
      gs.set(add(gs, inF64(total))),
      inc(s, 4 * RUN),
      n.set(sub(n, RUN)),
    ]),
    addTo(sums, both(losses), both(gs)),
  ];
});

/** (n, s, t, b, sums): the same for any n up to MOST_PART. */
const partOfRun = func([i32, i32, f32, f32, i32], (n, s, t, b, sums) => {
  const [ts, bs, total] = vectors(3);
  const [losses, gs] = [f64x2.local(), f64x2.local()];
  const { q, above, sum, step, begin } = run(s, ts, bs);
  return [
    ts.set(f32x4.splat(t)),
    bs.set(f32x4.splat(b)),
    begin,
    alongRow(n, UNROLL, [s], step),
    total.set(pairwise(q, join)),
    total.set(madd(log1p(total), 1 / RUN, pairwise(above, add))),
    losses.set(inF64(total)),
    total.set(pairwise(sum, add)),
    gs.set(inF64(total)),
    addTo(sums, both(losses), both(gs)),
  ];
});

const negatives = func([i32, i32, f32, f32, i32, i32], (n, s, t, b, sums, scratch) => {
  const length = i32.local();
  return [
    length.set(and(n, -RUN)),
    call(wholeRuns, length, s, t, b, sums, scratch),
    inc(s, shl(length, 2)),
    n.set(sub(n, length)),
    loopWhile(gt(n, 0), [
      length.set(select(lt(n, MOST_PART), n, MOST_PART)),
      call(partOfRun, length, s, t, b, sums),
      inc(s, shl(length, 2)),
      n.set(sub(n, length)),
    ]),
  ];
});

/**
 * (n, s, t, b, first, count, between, sums): `count` positives, the first after `first` negatives, then one after every
 * `between`. At `sums`: loss and Σ σ(ℓ) of the negatives, loss and Σ σ(−ℓ) of the positives, 64 bytes of scratch.
 */
const tile = func([i32, i32, f32, f32, i32, i32, i32, i32], (n, s, t, b, first, count, between, sums) => {
  const length = i32.local();
  return loopWhile(gt(n, 0), [
    length.set(select(count, first, n)),
    call(negatives, length, s, t, b, sums, add(sums, 32)),
    inc(s, shl(length, 2)),
    n.set(sub(n, length)),
    when(count, [
      call(partOfRun, 1, s, neg(t), neg(b), add(sums, 16)),
      store(s, neg(f32.load(s))),
      inc(s, 4),
      n.set(sub(n, 1)),
      count.set(sub(count, 1)),
      first.set(between),
    ]),
  ]);
});

export function simdSigmoidTile(heap: Heap, variant: Variant): SigmoidTileKernels {
  const wasm = instantiate(heap.memory, variant, { tile });
  const sums = heap.allocate(32 + 64);
  return {
    sigmoidTile(rows, cols, s, t, b, diagonal) {
      const top = Math.max(0, -diagonal); // the first row with a positive
      const count = Math.max(0, Math.min(rows, cols - diagonal) - top);
      const at = sums / 8;
      heap.f64.fill(0, at, at + 4);
      wasm.tile(rows * cols, s, t, b, top * cols + diagonal + top, count, cols, sums);
      const [loss, sum, lossOfPositives, sumOfPositives] = heap.f64.subarray(at, at + 4);
      return { loss: loss + lossOfPositives, sum: sum - sumOfPositives };
    },
  };
}
