/**
 * Attention, a head of an image at a time, composed of products and row kernels.
 *
 *     S = Q·Kᵀ/√headDim      P = softmax(S)      out = P·V
 *     with G the gradient of out:   dV = Pᵀ·G   dS = softmax′(P, G·Vᵀ)/√headDim   dQ = dS·K   dK = dSᵀ·Q
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { ElementwiseKernels } from "../elementwise/interface.ts";
import type { GemmKernels } from "../gemm/interface.ts";
import type { SoftmaxKernels } from "../softmax/interface.ts";
import type { AttentionKernels, HeadLayout } from "./interface.ts";

export function plainAttention(
  heap: Heap,
  dtype: DType,
  { gemm, softmax, softmaxGrad, binaryScalar }: GemmKernels & SoftmaxKernels & ElementwiseKernels,
): AttentionKernels {
  const bytes = BYTES[dtype];
  /** Start of head h of image i; its element (token, channel) is at `row`·token + channel. */
  const head = (layout: HeadLayout, i: number, h: number, headDim: number): number =>
    layout.at + (i * layout.batch + h * headDim) * bytes;

  return {
    attention({ batch, heads, queries, keys, headDim, q, k, v, out, probs }) {
      for (let i = 0; i < batch; i++) {
        for (let h = 0; h < heads; h++) {
          const p = probs + (i * heads + h) * queries * keys * bytes;
          // scores = q·kᵀ / √headDim
          gemm({
            transA: false, transB: true, m: queries, n: keys, k: headDim,
            a: head(q, i, h, headDim), lda: q.row, b: head(k, i, h, headDim), ldb: k.row, c: p, ldc: keys,
          }); // biome-ignore format: the product in two lines
          binaryScalar.mul(queries * keys, p, 1 / Math.sqrt(headDim), p);
          softmax(queries, keys, p, p);
          gemm({
            transA: false, transB: false, m: queries, n: headDim, k: keys,
            a: p, lda: keys, b: head(v, i, h, headDim), ldb: v.row, c: head(out, i, h, headDim), ldc: out.row,
          }); // biome-ignore format: the product in two lines
        }
      }
    },

    attentionGrad({ batch, heads, queries, keys, headDim, q, k, v, g, dq, dk, dv, probs }) {
      const scratch = heap.allocate(queries * keys * bytes);
      for (let i = 0; i < batch; i++) {
        for (let h = 0; h < heads; h++) {
          const p = probs + (i * heads + h) * queries * keys * bytes;
          const at = (layout: HeadLayout) => head(layout, i, h, headDim);
          // dv = pᵀ·g
          gemm({
            transA: true, transB: false, m: keys, n: headDim, k: queries,
            a: p, lda: keys, b: at(g), ldb: g.row, c: at(dv), ldc: dv.row,
          }); // biome-ignore format: the product in two lines
          // ds = softmax′(p)·(g·vᵀ) / √headDim
          gemm({
            transA: false, transB: true, m: queries, n: keys, k: headDim,
            a: at(g), lda: g.row, b: at(v), ldb: v.row, c: scratch, ldc: keys,
          }); // biome-ignore format: the product in two lines
          softmaxGrad(queries, keys, p, scratch, scratch);
          binaryScalar.mul(queries * keys, scratch, 1 / Math.sqrt(headDim), scratch);
          // dq = ds·k, dk = dsᵀ·q
          gemm({
            transA: false, transB: false, m: queries, n: headDim, k: keys,
            a: scratch, lda: keys, b: at(k), ldb: k.row, c: at(dq), ldc: dq.row,
          }); // biome-ignore format: the product in two lines
          gemm({
            transA: true, transB: false, m: keys, n: headDim, k: queries,
            a: scratch, lda: keys, b: at(q), ldb: q.row, c: at(dk), ldc: dk.row,
          }); // biome-ignore format: the product in two lines
        }
      }
      heap.release(scratch, queries * keys * bytes);
    },
  };
}
