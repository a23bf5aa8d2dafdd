/** The momentum of Muon over a block of numbers. */
import type { Ptr } from "../ptr.ts";

export interface MuonMomentumArgs {
  /** μ: the weight of the momentum so far. */
  readonly momentum: number;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface MuonKernels {
  /** Advances m [n] by the gradient g, and writes to `out` the momentum after a further step of the same gradient (Nesterov). */
  muonMomentum(n: number, g: Ptr, m: Ptr, out: Ptr, args: MuonMomentumArgs): void;
}
