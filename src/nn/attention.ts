/**
 * Multi-head self-attention with biases everywhere: one projection to queries, keys and values, heads read in place.
 *
 * Xavier bounds are those of the three W×W projections that it stands for, not of the fused matrix.   x [B, N, W]
 */
import { selfAttention, type Variable } from "../autograd/index.ts";
import type { DType, Rng } from "../tensor/index.ts";
import { xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";

/** A W → parts·W projection that stands for `parts` projections W → W. */
export const projection = (rng: Rng, width: number, parts: number, dtype: DType): Linear =>
  new Linear(xavierUniform(rng.split("kernel"), [width, parts * width], width, width, dtype));

export class SelfAttention {
  readonly qkv: Linear; // [W, 3W]: queries, keys, values
  readonly out: Linear; // [W, W]
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
