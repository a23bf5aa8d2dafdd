/**
 * Multi-head self-attention, every projection with a bias: one projection to queries, keys and values, heads read in place.
 *
 * Xavier bounds are those of the three D×D projections, not of the fused matrix.   x [B, N, D]
 */
import { parameterWithLayout, selfAttention, type Variable } from "../autograd/index.ts";
import { type DType, type Rng, zeros } from "../tensor/index.ts";
import { xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";

/** A D → parts·D projection that fuses `parts` projections D → D from tokens to heads. */
export function projection(rng: Rng, width: number, parts: number, numHeads: number, dtype: DType): Linear {
  const heads = [parts, numHeads, width / numHeads];
  const kernel = xavierUniform(rng.split("kernel"), [width, parts * width], width, width, dtype);
  return new Linear(
    parameterWithLayout(kernel.value, { axes: [width, ...heads], parts }),
    parameterWithLayout(zeros([parts * width], dtype), { axes: heads }),
  );
}

/** A D → D projection of the heads together. */
export function outProjection(rng: Rng, width: number, numHeads: number, dtype: DType): Linear {
  const kernel = xavierUniform(rng.split("kernel"), [width, width], width, width, dtype);
  return new Linear(parameterWithLayout(kernel.value, { axes: [numHeads, width / numHeads, width] }));
}

/** Multi-head self-attention, and a residual if one is given.   x, plus [B, N, D] → [B, N, D] */
export class SelfAttention {
  readonly qkv: Linear; // [D, 3D]: queries, keys, values
  readonly out: Linear; // [D, D]
  readonly #numHeads: number;

  constructor(rng: Rng, width: number, numHeads: number, dtype: DType) {
    this.qkv = projection(rng.split("qkv"), width, 3, numHeads, dtype);
    this.out = outProjection(rng.split("out"), width, numHeads, dtype);
    this.#numHeads = numHeads;
  }

  forward(x: Variable, plus?: Variable): Variable {
    return this.out.forward(selfAttention(this.qkv.forward(x), this.#numHeads), plus);
  }
}
