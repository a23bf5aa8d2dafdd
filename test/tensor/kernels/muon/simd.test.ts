import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MuonKernels, MuonMomentumArgs } from "../../../../src/tensor/kernels/muon/interface.ts";
import { simdMuon } from "../../../../src/tensor/kernels/muon/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const ARGS: MuonMomentumArgs = { momentum: 0.9, gradScale: 0.7 };

function step(muonMomentum: MuonKernels["muonMomentum"], m: Float32Array, g: Float32Array, args = ARGS) {
  const n = m.length;
  const [advanced, out] = run([m, g], [n, n], ([pm, pg], [om, po]) => {
    oracle.copy(n, pm, om);
    muonMomentum(n, pg, om, po, args);
  });
  return { m: advanced, out };
}

describe.each(VARIANTS)("the momentum of Muon, %o", (variant) => {
  const { muonMomentum } = simdMuon(heap, variant);

  test("a step equals that of the oracle within a few roundings", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 67 }), seeds, (n, seed) => {
        const [m, g] = [uniform(n, seed, 3), uniform(n, seed + 1, 3)];
        const [got, want] = [step(muonMomentum, m, g), step(oracle.muonMomentum, m, g)];
        expectClose(got.m, want.m, () => 4 * 3 * U);
        expectClose(got.out, want.out, () => 4 * 3 * U);
      }),
    );
  });

  test("one step of each number does not depend on the others", () => {
    const [n, g, m] = [67, uniform(67, 1), uniform(67, 2)];
    const all = step(muonMomentum, m, g);
    for (let i = 0; i < n; i++) {
      const at = (x: Float32Array) => x.slice(i, i + 1);
      const alone = step(muonMomentum, at(m), at(g));
      expect(sameBits(alone.m, at(all.m)) && sameBits(alone.out, at(all.out))).toBe(true);
    }
  });

  test("is the mean of gradients: a constant gradient is approached, and seen in advance", () => {
    const args = { momentum: 0.5, gradScale: 2 };
    const { m, out } = step(muonMomentum, Float32Array.of(0, 8), Float32Array.of(4, 4), args);
    expect([...m, ...out]).toEqual([4, 8, 6, 8]);
  });
});
