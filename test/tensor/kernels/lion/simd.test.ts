import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LionArgs, LionKernels } from "../../../../src/tensor/kernels/lion/interface.ts";
import { simdLion } from "../../../../src/tensor/kernels/lion/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const ARGS: LionArgs = { lr: 1e-2, decay: 1e-3, beta1: 0.9, beta2: 0.99, gradScale: 0.7 };

interface State {
  readonly p: Float32Array;
  readonly m: Float32Array;
}

function step(lion: LionKernels["lion"], { p, m }: State, g: Float32Array, args = ARGS): State {
  const n = p.length;
  const outputs = run([p, m, g], [n, n], ([pp, pm, pg], [op, om]) => {
    oracle.copy(n, pp, op);
    oracle.copy(n, pm, om);
    lion(n, op, pg, om, args);
  });
  return { p: outputs[0], m: outputs[1] };
}

describe.each(VARIANTS)("lion, %o", (variant) => {
  const { lion } = simdLion(heap, variant);

  test("a step equals that of the oracle within a few roundings", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 67 }), seeds, (n, seed) => {
        const state = { p: uniform(n, seed), m: uniform(n, seed + 1, 3) };
        const g = uniform(n, seed + 2, 3);
        const got = step(lion, state, g);
        const want = step(oracle.lion, state, g);
        const turns = (i: number) => Math.abs(0.9 * state.m[i] + 0.07 * g[i]) < 1e-6; // too near to 0 for a sign
        expectClose(got.p, want.p, (i) => (turns(i) ? 1 : 4 * U));
        expectClose(got.m, want.m, () => 4 * 3 * U);
      }),
    );
  });

  test("one step of each number does not depend on the others", () => {
    const [n, g] = [67, uniform(67, 1)];
    const state = { p: uniform(n, 2), m: uniform(n, 3) };
    const all = step(lion, state, g);
    for (let i = 0; i < n; i++) {
      const at = (x: Float32Array) => x.slice(i, i + 1);
      const alone = step(lion, { p: at(state.p), m: at(state.m) }, at(g));
      expect(sameBits(alone.p, at(all.p)) && sameBits(alone.m, at(all.m))).toBe(true);
    }
  });

  test("every number moves by lr, or not at all without momentum and gradient", () => {
    const state = { p: Float32Array.of(0, 0, 0), m: Float32Array.of(1e-30, 0, -5) };
    const { p } = step(lion, state, Float32Array.of(0, 0, 0), { ...ARGS, decay: 0 });
    expect([...p]).toEqual([-Math.fround(1e-2), 0, Math.fround(1e-2)]);
  });
});
