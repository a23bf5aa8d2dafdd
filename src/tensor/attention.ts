/**
 * Multi-head attention on the projections in place: softmax(q·kᵀ/√K)·v, head by head.
 *
 * Vaswani et al. 2017, arXiv:1706.03762. Heads are slices of the last axis; no transpose, no split, no copy.
 * q [B, M, D]   kv [B, N, 2D] (keys, then values)   qkv [B, N, 3D]
 */

import { checkSameType } from "./elementwise.ts";
import { countProducts } from "./flops.ts";
import { BYTES } from "./heap.ts";
import type { AttentionArgs, HeadLayout } from "./kernels/attention/interface.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError, show } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

/** The part of x [B, N, parts·D] that starts at channel `from`. */
const layout = (x: Tensor, from: number): HeadLayout => ({
  at: x.address + from * BYTES[x.dtype],
  batch: x.shape[1] * x.shape[2],
  row: x.shape[2],
});

interface Inputs {
  readonly dims: Pick<AttentionArgs, "batch" | "heads" | "queries" | "keys" | "headDim">;
  readonly width: number;
  readonly q: HeadLayout;
  readonly k: HeadLayout;
  readonly v: HeadLayout;
}

/** `q` alone is a packed projection [B, N, 3D]; with `kv` it is [B, M, D]. */
function inputs(q: Tensor, kv: Tensor | undefined, heads: number): Inputs {
  const [batch, queries, channels] = q.shape;
  const width = kv ? channels : channels / 3;
  const fits = q.shape.length === 3 && (!kv || (kv.shape.length === 3 && kv.shape[0] === batch));
  if (!fits || (kv && kv.shape[2] !== 2 * width) || !Number.isInteger(width)) {
    const given = kv ? `q ${show(q.shape)} and kv ${show(kv.shape)}` : `qkv ${show(q.shape)}`;
    throw new ShapeError(`attention: ${given}; expected qkv [B, N, 3D], or q [B, M, D] with kv [B, N, 2D]`);
  }
  if (kv) checkSameType("attention", q, kv);
  if (width % heads !== 0) throw new ShapeError(`attention: ${heads} heads do not divide width ${width}`);
  const keys = kv ? kv.shape[1] : queries;
  return {
    dims: { batch, heads, queries, keys, headDim: width / heads },
    width,
    q: layout(q, 0),
    k: layout(kv ?? q, kv ? 0 : width),
    v: layout(kv ?? q, kv ? width : 2 * width),
  };
}

/** Counts `each` products of queries, keys and channels for every head of every image. */
const countHeads = (each: number, { batch, heads, queries, keys, headDim }: Inputs["dims"]): void =>
  countProducts(each * batch * heads, queries, keys, headDim);

/** The output [B, M, D], and the attention probabilities [B, H, M, N] for the backward pass. */
export function attention(q: Tensor, kv: Tensor | undefined, heads: number): { value: Tensor; probs: Tensor } {
  const { dims, width, ...places } = inputs(q, kv, heads);
  const value = empty("attention", [dims.batch, dims.queries, width], q.dtype);
  const probs = empty("attention", [dims.batch, heads, dims.queries, dims.keys], q.dtype);
  countHeads(2, dims); // q·kᵀ, P·v
  kernelsFor(q.dtype).attention({ ...dims, ...places, out: layout(value, 0), probs: probs.address });
  return { value, probs };
}

/** Gradients in the layout of the inputs: of qkv, or of q and kv. */
export function attentionGrad(
  q: Tensor,
  kv: Tensor | undefined,
  heads: number,
  { value, probs }: { value: Tensor; probs: Tensor },
  g: Tensor,
): { dq: Tensor; dkv?: Tensor } {
  const { dims, width, ...places } = inputs(q, kv, heads);
  const dq = empty("gradient of attention", q.shape, q.dtype);
  const dkv = kv && empty("gradient of attention", kv.shape, q.dtype);
  countHeads(4, dims); // dP, dq, dk, dv
  kernelsFor(q.dtype).attentionGrad({
    ...dims,
    ...places,
    out: layout(value, 0),
    probs: probs.address,
    g: layout(g, 0),
    dq: layout(dq, 0),
    dk: layout(dkv ?? dq, dkv ? 0 : width),
    dv: layout(dkv ?? dq, dkv ? width : 2 * width),
  });
  return dkv ? { dq, dkv } : { dq };
}
