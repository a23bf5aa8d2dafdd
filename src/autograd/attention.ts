/** Multi-head attention: softmax(q·kᵀ/√K)·v (Vaswani et al. 2017, arXiv:1706.03762). */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { div } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { permute, reshape } from "./movement.ts";
import { op } from "./op.ts";
import { softmax } from "./softmax.ts";
import type { Variable } from "./variable.ts";

/**
 * Attention composed of single operations, for reading and as an oracle: `selfAttention` and `crossAttention` compute the same
 * in one kernel, without copies of the heads.   q [B, M, D]   k, v [B, N, D] → [B, M, D]
 */
export function composedAttention(q: Variable, k: Variable, v: Variable, heads: number): Variable {
  const [B, M, D] = q.shape;
  const K = D / heads; // width of a head
  const split = (x: Variable): Variable => permute(reshape(x, [B, -1, heads, K]), [0, 2, 1, 3]); // [B, H, tokens, K]
  const scores = div(matmul(split(q), split(k), { transposeB: true }), Math.sqrt(K)); // [B, H, M, N]
  const weighted = matmul(softmax(scores), split(v)); // [B, H, M, K]
  return reshape(permute(weighted, [0, 2, 1, 3]), [B, M, D]);
}

/** Attention with queries, keys and values from one projection, heads read in place.   qkv [B, N, 3D] → [B, N, D] */
export const selfAttention = op("selfAttention", (qkv: Tensor, heads: number) => {
  const result = T.attention(qkv, undefined, heads);
  return { value: result.value, vjps: [(g) => T.attentionGrad(qkv, undefined, heads, result, g).dq] };
});

/** Attention with queries from `q`, keys and values from `kv`.   q [B, M, D]   kv [B, N, 2D] → [B, M, D] */
export const crossAttention = op("crossAttention", (q: Tensor, kv: Tensor, heads: number) => {
  const result = T.attention(q, kv, heads);
  return {
    value: result.value,
    vjp: (g) => {
      const { dq, dkv } = T.attentionGrad(q, kv, heads, result, g);
      return [dq, dkv];
    },
  };
});
