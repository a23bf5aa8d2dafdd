/**
 * Multi-head self-attention, every projection with a bias: one projection to queries, keys and values, heads read in place.
 *
 * Xavier bounds are those of the three D×D projections, not of the fused matrix.   x [B, N, D]
 */
import { selfAttention, type Variable } from "../autograd/index.ts";
import type { DType, Rng } from "../tensor/index.ts";
import { xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";

/** A D → parts·D projection that fuses `parts` projections D → D. */
export const projection = (rng: Rng, width: number, parts: number, dtype: DType): Linear =>
  new Linear(xavierUniform(rng.split("kernel"), [width, parts * width], width, width, dtype));

/** Multi-head self-attention.   x [B, N, D] → [B, N, D] */
export class SelfAttention {
  readonly qkv: Linear; // [D, 3D]: queries, keys, values
  readonly out: Linear; // [D, D]
  readonly #numHeads: number;

  constructor(rng: Rng, width: number, numHeads: number, dtype: DType) {
    this.qkv = projection(rng.split("qkv"), width, 3, dtype);
    this.out = projection(rng.split("out"), width, 1, dtype);
    this.#numHeads = numHeads;
  }

  forward(x: Variable): Variable {
    return this.out.forward(selfAttention(this.qkv.forward(x), this.#numHeads));
  }
}
