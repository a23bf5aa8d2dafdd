/** Multi-head attention: softmax(q·kᵀ/√K)·v (Vaswani et al. 2017, arXiv:1706.03762), heads read in place. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** Queries, keys and values from one projection.   qkv [B, N, 3W] → [B, N, W] */
export const selfAttention = op("selfAttention", (qkv: Tensor, heads: number) => {
  const result = T.attention(qkv, undefined, heads);
  return { value: result.value, vjps: [(g) => T.attentionGrad(qkv, undefined, heads, result, g).dq] };
});

/** Queries from one place, keys and values from another.   q [B, M, W]   kv [B, N, 2W] → [B, M, W] */
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
