import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SgdArgs, SgdKernels } from "../../../../src/tensor/kernels/sgd/interface.ts";
import { simdSgd } from "../../../../src/tensor/kernels/sgd/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const ARGS: SgdArgs = { lr: 1e-2, decay: 1e-3, momentum: 0.9, nesterov: false, gradScale: 0.7 };

interface State {
  readonly p: Float32Array;
  readonly m: Float32Array;
}

function step(sgd: SgdKernels["sgd"], { p, m }: State, g: Float32Array, args: SgdArgs): State {
  const n = p.length;
  const outputs = run([p, m, g], [n, n], ([pp, pm, pg], [op, om]) => {
    oracle.copy(n, pp, op);
    oracle.copy(n, pm, om);
    sgd(n, op, pg, om, args);
  });
  return { p: outputs[0], m: outputs[1] };
}

describe.each(VARIANTS)("sgd, %o", (variant) => {
  const { sgd } = simdSgd(heap, variant);

  test.each([false, true])(
    "ten steps equal those of the oracle within a few roundings each (nesterov %s)",
    (nesterov) => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 67 }), seeds, (n, seed) => {
          let got: State = { p: uniform(n, seed), m: new Float32Array(n) };
          let want = got;
          for (let t = 1; t <= 10; t++) {
            const g = uniform(n, seed + t, 3);
            got = step(sgd, got, g, { ...ARGS, nesterov });
            want = step(oracle.sgd, want, g, { ...ARGS, nesterov });
          }
          expectClose(got.m, want.m, () => 10 * 4 * 14 * U); // |m| < 0.7·3·(1 + 0.9 + ...) < 14
          expectClose(got.p, want.p, () => 10 * 4 * 2 * U);
        }),
        { numRuns: 30 },
      );
    },
  );

  test("one step of each number does not depend on the others", () => {
    const [n, g] = [67, uniform(67, 1)];
    const state = { p: uniform(n, 2), m: uniform(n, 3) };
    const all = step(sgd, state, g, ARGS);
    for (let i = 0; i < n; i++) {
      const at = (x: Float32Array) => x.slice(i, i + 1);
      const alone = step(sgd, { p: at(state.p), m: at(state.m) }, at(g), ARGS);
      expect(sameBits(alone.p, at(all.p)) && sameBits(alone.m, at(all.m))).toBe(true);
    }
  });
});
