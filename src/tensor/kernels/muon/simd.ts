/**
 * The momentum of Muon, in one pass over gradient and momentum.
 *
 *     g ← (1 − μ)·gradScale·g      m ← μ·m + g      out = μ·m + g
 */
import type { Heap } from "../../heap.ts";
import { func, type Variant } from "../../wasm/assembler.ts";
import { f32, f32x4, i32, madd, mul } from "../../wasm/instructions.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import type { MuonKernels } from "./interface.ts";

const step = func([i32, i32, i32, i32, f32, f32], (n, g, m, out, ...scalars) => {
  const factors = vectors(scalars.length);
  const [mu, weight] = factors;
  return [
    factors.map((factor, i) => factor.set(f32x4.splat(scalars[i]))),
    alongRow(n, UNROLL, [g, m, out], (lanes) => {
      const [fresh, mean] = Array.from({ length: 2 }, () => vectors(lanes.length));
      return [
        lanes.map((at, i) => [
          fresh[i].set(mul(at.load(g), weight)),
          mean[i].set(madd(at.load(m), mu, fresh[i])),
          fresh[i].set(madd(mean[i], mu, fresh[i])),
        ]),
        storeAll(lanes, m, mean),
        storeAll(lanes, out, fresh),
      ];
    }),
  ];
});

export function simdMuon({ memory }: Heap, variant: Variant): MuonKernels {
  const wasm = instantiate(memory, variant, { step });
  return {
    muonMomentum: (n, g, m, out, { momentum, gradScale }) =>
      wasm.step(n, g, m, out, momentum, (1 - momentum) * gradScale),
  };
}
