/** Pooling without parameters: one token, or the mean or the maximum of all.   tokens [B, N, D] → [B, D] */
import { gather, max, mean, reshape, type Variable } from "../autograd/index.ts";

/** The token that is read, or how all of them are combined. */
export type Pooling = "first" | "last" | "mean" | "max";

/** tokens [B, N, D] → [B, D] */
export function pool(tokens: Variable, pooling: Pooling): Variable {
  const [batch, length, width] = tokens.shape;
  if (pooling === "mean") return mean(tokens, { axis: 1 });
  if (pooling === "max") return max(tokens, { axis: 1 });
  const at = pooling === "last" ? length - 1 : 0;
  const rows = Int32Array.from({ length: batch }, (_, i) => i * length + at);
  return gather(reshape(tokens, [batch * length, width]), rows);
}
