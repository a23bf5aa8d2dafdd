/**
 * Multi-head attention pooling: one learned query, the probe, attends to all tokens. Zhai et al. 2021, arXiv:2106.04560, as in big_vision.
 *
 * a = attention(probe, tokens);  a + mlp(LN(a)).  No residual from the probe.   [B, N, D] → [B, D]
 */
import { add, broadcastTo, crossAttention, reshape, type Variable } from "../autograd/index.ts";
import type { DType, Rng } from "../tensor/index.ts";
import { outProjection, projection } from "./attention.ts";
import type { EncoderConfig } from "./encoder.ts";
import { xavierUniform } from "./init.ts";
import { LayerNorm } from "./layerNorm.ts";
import type { Linear } from "./linear.ts";
import { Mlp } from "./mlp.ts";

/** Attention pooling.   tokens [B, N, D] → [B, D] */
export class MapHead {
  readonly probe: Variable; // [1, 1, D]
  readonly query: Linear; // [D, D]
  readonly keyValue: Linear; // [D, 2D]
  readonly out: Linear; // [D, D]
  readonly norm: LayerNorm;
  readonly mlp: Mlp;
  readonly #numHeads: number;

  constructor(rng: Rng, config: Omit<EncoderConfig, "depth">, dtype: DType) {
    const { width, numHeads, epsilon } = config;
    this.probe = xavierUniform(rng.split("probe"), [1, 1, width], 1, width, dtype);
    this.query = projection(rng.split("query"), width, 1, numHeads, dtype);
    this.keyValue = projection(rng.split("keyValue"), width, 2, numHeads, dtype);
    this.out = outProjection(rng.split("out"), width, numHeads, dtype);
    this.norm = new LayerNorm(width, dtype, epsilon);
    this.mlp = new Mlp(rng.split("mlp"), config, dtype);
    this.#numHeads = numHeads;
  }

  forward(tokens: Variable): Variable {
    const [batch, , width] = tokens.shape;
    const query = broadcastTo(this.query.forward(this.probe), [batch, 1, width]);
    const attended = crossAttention(query, this.keyValue.forward(tokens), this.#numHeads);
    const a = this.out.forward(attended); // [B, 1, D]
    return reshape(add(a, this.mlp.forward(this.norm.forward(a))), [batch, width]);
  }
}
