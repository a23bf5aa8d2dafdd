/**
 * Layer normalization: y = (x − mean)·rstd·scale + bias with rstd = 1/√(var + eps), and its gradients.
 *
 * Mean and variance by the corrected two-pass algorithm, all in f32: m is the mean up to rounding; with d = x − m,
 *
 *     δ = Σ d / n      mean = m + δ      var = Σ d² / n − δ²
 *
 * d is exact where it matters (x near m), so a large mean costs no accuracy; a sum of n numbers runs in 16 lanes, with
 * n/16 roundings each. |x − mean| must stay below 1e18, above which squares overflow f32.
 *
 * Gradients, with x̂ = (x − mean)·rstd:
 *
 *     dx = rstd·(g·scale − Σ g·scale / n − x̂·Σ g·scale·x̂ / n)      dscale = Σ_rows g·x̂      dbias = Σ_rows g
 *
 * Sums over rows: 16 rows in f32, then accumulated in f64, so their error is at most 16·2⁻²⁴ times the sum of absolute values,
 * however many rows there are.
 *
 * Source: Ba et al. 2016, arXiv:1607.06450; Chan, Golub, LeVeque 1983, "Algorithms for Computing the Sample Variance".
 * x, y, g, dx [rows, cols]   scale, bias, dscale, dbias [cols]   mean, rstd [rows]
 */
import type { Heap } from "../../heap.ts";
import { call, func, type Variant } from "../../wasm/assembler.ts";
import {
  add, div, f32, f32x4, f64, gt, i32, lt, madd, max, memoryFill, mul, neg, nmadd, select, sqrt, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, loopWhile } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, clear, eachRow, storeAll, sumAcross, UNROLL, vectors } from "../../wasm/rows.ts";
import { carry } from "../carry.ts";
import { scratch } from "../scratch.ts";
import type { LayerNormKernels } from "./interface.ts";

const BLOCK = 16; // rows summed in f32

const forward = func(
  [i32, i32, f32, i32, i32, i32, i32, i32, i32],
  (rows, cols, eps, x, scale, bias, y, mean, rstd) => {
    const [at, scaleAt, biasAt] = [i32.local(), i32.local(), i32.local()]; // these run along the row
    const [perCol, m, delta, variance, r] = [f32.local(), f32.local(), f32.local(), f32.local(), f32.local()];
    const [ms, rs, shift] = vectors(3);
    const [sums, squares, d] = [vectors(UNROLL), vectors(UNROLL), vectors(UNROLL)];
    return [
      perCol.set(div(f32.const(1), f32.convert(cols))),
      eachRow(rows, [
        clear(sums),
        at.set(x),
        alongRow(cols, UNROLL, [at], (lanes) => lanes.map((v, i) => sums[i].set(add(sums[i], v.load(at))))),
        m.set(mul(sumAcross(sums), perCol)),
        ms.set(f32x4.splat(m)),

        clear(sums),
        clear(squares),
        at.set(x),
        alongRow(cols, UNROLL, [at], (lanes) => [
          lanes.map((v, i) => d[i].set(sub(v.load(at, ms), ms))),
          lanes.map((_, i) => sums[i].set(add(sums[i], d[i]))),
          lanes.map((_, i) => squares[i].set(madd(d[i], d[i], squares[i]))),
        ]),
        delta.set(mul(sumAcross(sums), perCol)),
        variance.set(max(sub(mul(sumAcross(squares), perCol), mul(delta, delta)), 0)),
        r.set(div(f32.const(1), sqrt(add(variance, eps)))),
        store(mean, add(m, delta)),
        store(rstd, r),

        rs.set(f32x4.splat(r)),
        shift.set(f32x4.splat(neg(mul(delta, r)))), // x̂ = (x − m)·rstd − δ·rstd
        scaleAt.set(scale),
        biasAt.set(bias),
        alongRow(cols, UNROLL, [x, y, scaleAt, biasAt], (lanes) => [
          lanes.map((v, i) => d[i].set(madd(sub(v.load(x), ms), rs, shift))),
          lanes.map((v, i) => d[i].set(madd(d[i], v.load(scaleAt), v.load(biasAt)))),
          storeAll(lanes, y, d),
        ]),
        inc(mean, 4),
        inc(rstd, 4),
      ]),
    ];
  },
);

/** dx of some rows; g·x̂ and g are added to the f32 sums [cols] and [cols]. */
const backwardBlock = func(
  [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
  (rows, cols, x, scale, mean, rstd, g, dx, scaleSums, biasSums) => {
    const [xAt, gAt, scaleAt, scaleSumAt, biasSumAt] = [
      i32.local(),
      i32.local(),
      i32.local(),
      i32.local(),
      i32.local(),
    ];
    const perCol = f32.local();
    const [mu, r, meanG, meanGX] = vectors(4);
    const [hat, gs, sumG, sumGX] = [vectors(UNROLL), vectors(UNROLL), vectors(UNROLL), vectors(UNROLL)];
    return [
      perCol.set(div(f32.const(1), f32.convert(cols))),
      eachRow(rows, [
        mu.set(f32x4.loadSplat(mean)),
        r.set(f32x4.loadSplat(rstd)),
        clear(sumG),
        clear(sumGX),
        [xAt.set(x), gAt.set(g), scaleAt.set(scale), scaleSumAt.set(scaleSums), biasSumAt.set(biasSums)],
        alongRow(cols, UNROLL, [xAt, gAt, scaleAt, scaleSumAt, biasSumAt], (lanes) => [
          lanes.map((v, i) => hat[i].set(mul(sub(v.load(xAt, mu), mu), r))),
          lanes.map((v, i) => gs[i].set(mul(v.load(gAt), v.load(scaleAt)))),
          lanes.map((_, i) => sumG[i].set(add(sumG[i], gs[i]))),
          lanes.map((_, i) => sumGX[i].set(madd(gs[i], hat[i], sumGX[i]))),
          lanes.map((v, i) => hat[i].set(madd(v.load(gAt), hat[i], v.load(scaleSumAt)))),
          lanes.map((v, i) => gs[i].set(add(v.load(gAt), v.load(biasSumAt)))),
          storeAll(lanes, scaleSumAt, hat),
          storeAll(lanes, biasSumAt, gs),
        ]),
        meanG.set(f32x4.splat(mul(sumAcross(sumG), perCol))),
        meanGX.set(f32x4.splat(mul(sumAcross(sumGX), perCol))),
        scaleAt.set(scale),
        alongRow(cols, UNROLL, [x, g, dx, scaleAt], (lanes) => [
          lanes.map((v, i) => hat[i].set(mul(sub(v.load(x), mu), r))),
          lanes.map((v, i) => gs[i].set(sub(mul(v.load(g), v.load(scaleAt)), meanG))),
          lanes.map((_, i) => gs[i].set(mul(nmadd(hat[i], meanGX, gs[i]), r))),
          storeAll(lanes, dx, gs),
        ]),
        inc(mean, 4),
        inc(rstd, 4),
      ]),
    ];
  },
);

/** dx, and Σ g·x̂ and Σ g as f64 totals; `padded` is cols rounded up to whole vectors. Sums and totals are two rows each. */
const backward = func(
  [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
  (rows, cols, padded, x, scale, mean, rstd, g, dx, sums, totals) => {
    const [some, bytes] = [i32.local(), i32.local()];
    return [
      memoryFill(sums, 0, mul(padded, 8)),
      memoryFill(totals, 0, mul(padded, 16)),
      loopWhile(gt(rows, 0), [
        some.set(select(lt(rows, BLOCK), rows, BLOCK)),
        call(backwardBlock, some, cols, x, scale, mean, rstd, g, dx, sums, add(sums, mul(padded, 4))),
        call(carry, mul(padded, 2), sums, totals),
        bytes.set(mul(mul(some, cols), 4)),
        [x, g, dx].map((address) => inc(address, bytes)),
        [mean, rstd].map((address) => inc(address, mul(some, 4))),
        rows.set(sub(rows, some)),
      ]),
    ];
  },
);

/** f64 to f32. */
const round = func([i32, i32, i32], (n, totals, out) =>
  loopWhile(gt(n, 0), [store(out, f32.demote(f64.load(totals))), inc(totals, 8), inc(out, 4), n.set(sub(n, 1))]),
);

export function simdLayerNorm(heap: Heap, variant: Variant): LayerNormKernels {
  const wasm = instantiate(heap.memory, variant, { forward, backward, round });
  const workspace = scratch(heap);
  return {
    layerNorm: wasm.forward,
    layerNormGrad(rows, cols, x, scale, mean, rstd, g, dx, dscale, dbias) {
      const padded = Math.ceil(cols / 4) * 4;
      const totals = workspace(padded * 24);
      wasm.backward(rows, cols, padded, x, scale, mean, rstd, g, dx, totals + padded * 16, totals);
      if (dscale) wasm.round(cols, totals, dscale);
      if (dbias) wasm.round(cols, totals + padded * 8, dbias);
    },
  };
}
