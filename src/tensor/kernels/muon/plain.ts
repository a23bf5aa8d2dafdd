/**
 * The momentum of Muon, a running mean of gradients with weight μ.
 *
 *     g ← (1 − μ)·gradScale·g      m ← μ·m + g      out = μ·m + g
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { MuonKernels } from "./interface.ts";

export function plainMuon(heap: Heap, dtype: DType): MuonKernels {
  const bytes = BYTES[dtype];
  return {
    muonMomentum(n, g, m, out, { momentum, gradScale }) {
      const H = heap[dtype];
      const [G, M, O] = [g / bytes, m / bytes, out / bytes];
      const weight = (1 - momentum) * gradScale;
      for (let i = 0; i < n; i++) {
        const fresh = weight * H[G + i];
        H[M + i] = momentum * H[M + i] + fresh;
        H[O + i] = momentum * H[M + i] + fresh;
      }
    },
  };
}
