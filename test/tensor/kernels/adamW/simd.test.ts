import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AdamWArgs, AdamWKernels } from "../../../../src/tensor/kernels/adamW/interface.ts";
import { simdAdamW } from "../../../../src/tensor/kernels/adamW/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const args = (step: number, rest: Partial<AdamWArgs> = {}): AdamWArgs => ({
  lr: 1e-2, decay: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, gradScale: 0.7,
  correction1: 1 - 0.9 ** step, correction2: 1 - 0.999 ** step, ...rest,
}); // biome-ignore format: names and numbers

interface State {
  readonly p: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

function step(adamW: AdamWKernels["adamW"], { p, m, v }: State, g: Float32Array, options: AdamWArgs): State {
  const n = p.length;
  const outputs = run([p, m, v, g], [n, n, n], ([pp, pm, pv, pg], [op, om, ov]) => {
    for (const [from, to] of [[pp, op], [pm, om], [pv, ov]]) oracle.copy(n, from, to); // biome-ignore format: pairs
    adamW(n, op, pg, om, ov, options);
  });
  return { p: outputs[0], m: outputs[1], v: outputs[2] };
}
const start = (n: number, seed: number): State => ({
  p: uniform(n, seed),
  m: new Float32Array(n),
  v: new Float32Array(n),
});

describe.each(VARIANTS)("adamW, %o", (variant) => {
  const { adamW } = simdAdamW(heap, variant);

  test("ten steps equal those of the oracle within a few roundings each", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 67 }), seeds, (n, seed) => {
        let got = start(n, seed);
        let want = got;
        for (let t = 1; t <= 10; t++) {
          const g = uniform(n, seed + t, 3);
          got = step(adamW, got, g, args(t));
          want = step(oracle.adamW, want, g, args(t));
        }
        // p < 2 takes 10 roundings of its own; an update is at most about lr, and m may cancel to a part of |g| < 3
        expectClose(got.p, want.p, () => 10 * 2 * U + 10 * 1e-2 * 200 * U);
        expectClose(got.m, want.m, () => 10 * 4 * 3 * U);
        expectClose(got.v, want.v, (i) => 40 * U * want.v[i]);
      }),
      { numRuns: 30 },
    );
  });

  test("one step of each number does not depend on the others", () => {
    const [n, g] = [67, uniform(67, 1)];
    const state: State = { p: uniform(n, 2), m: uniform(n, 3), v: uniform(n, 4, 0.5, 0.5) };
    const all = step(adamW, state, g, args(5));
    for (let i = 0; i < n; i++) {
      const at = (x: Float32Array) => x.slice(i, i + 1);
      const alone = step(adamW, { p: at(state.p), m: at(state.m), v: at(state.v) }, at(g), args(5));
      for (const key of ["p", "m", "v"] as const) expect(sameBits(alone[key], at(all[key]))).toBe(true);
    }
  });

  test("moments of a constant gradient converge to g and g²", () => {
    let state = start(4, 1);
    const g = Float32Array.of(0.1, -0.3, 1e-3, 7);
    for (let t = 1; t <= 300; t++) {
      state = step(adamW, state, g, args(t, { beta1: 0.5, beta2: 0.9, gradScale: 1 }));
    }
    expectClose(state.m, g, (i) => 2 * U * Math.abs(g[i]));
    expectClose(
      state.v,
      g.map((x) => x * x),
      (i) => 20 * U * g[i] ** 2,
    ); // it stops where a tenth of the difference rounds to 0
  });

  test("a gradient of 0 only decays, also for eps = 0", () => {
    const state = start(5, 1);
    const still = step(adamW, state, new Float32Array(5), args(1));
    expectClose(
      still.p,
      state.p.map((x) => x - 1e-3 * x),
      (i) => 2 * U * Math.abs(state.p[i]),
    );
    expect([...still.m, ...still.v]).toEqual(new Array(10).fill(0));
  });
});
