/** Sums in blocks: f32 within a block, f64 over all. */
import { func } from "../wasm/assembler.ts";
import { add, f32x4, f64x2, i32, store } from "../wasm/instructions.ts";
import { inc, range } from "../wasm/loops.ts";
import { promoteHigh } from "../wasm/rows.ts";

/** totals (f64) += sums (f32), n of them, a multiple of 4; the sums are reset to 0. */
export const carry = func([i32, i32, i32], (n, sums, totals) => {
  const i = i32.local();
  const v = f32x4.local();
  return range(i, 0, n, 4, [
    v.set(f32x4.load(sums)),
    store(sums, f32x4.const(0)),
    store(totals, add(f64x2.load(totals), f64x2.promoteLow(v))),
    store(totals, add(f64x2.load(totals, 16), promoteHigh(v)), 16),
    inc(sums, 16),
    inc(totals, 32),
  ]);
});
