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

type Parts = GemmKernels & SoftmaxKernels & ElementwiseKernels;

/** Where head h of image i starts; its element (token, channel) is at `row`·token + channel. */
const headAt =
  (i: number, h: number, headDim: number, bytes: number) =>
  (layout: HeadLayout): number =>
    layout.at + (i * layout.batch + h * headDim) * bytes;

export function plainAttention(heap: Heap, dtype: DType, parts: Parts): AttentionKernels {
  const bytes = BYTES[dtype];
  return { attention: forward(bytes, parts), attentionGrad: backward(heap, bytes, parts) };
}

function forward(bytes: number, { gemm, softmax, binaryScalar }: Parts): AttentionKernels["attention"] {
  return ({ batch, heads, queries, keys, headDim, q, k, v, out, probs }) => {
    for (let i = 0; i < batch; i++) {
      for (let h = 0; h < heads; h++) {
        const p = probs + (i * heads + h) * queries * keys * bytes;
        const at = headAt(i, h, headDim, bytes);
        // scores = q·kᵀ / √headDim
        gemm({
          transA: false, transB: true, m: queries, n: keys, k: headDim,
          a: at(q), lda: q.row, b: at(k), ldb: k.row, c: p, ldc: keys,
        }); // biome-ignore format: the product in two lines
        binaryScalar.mul(queries * keys, p, 1 / Math.sqrt(headDim), p);
        softmax(queries, keys, p, p);
        gemm({
          transA: false, transB: false, m: queries, n: headDim, k: keys,
          a: p, lda: keys, b: at(v), ldb: v.row, c: at(out), ldc: out.row,
        }); // biome-ignore format: the product in two lines
      }
    }
  };
}

function backward(
  heap: Heap,
  bytes: number,
  { gemm, softmaxGrad, binaryScalar }: Parts,
): AttentionKernels["attentionGrad"] {
  return ({ batch, heads, queries, keys, headDim, q, k, v, g, dq, dk, dv, probs }) => {
    const scratch = heap.allocate(queries * keys * bytes);
    for (let i = 0; i < batch; i++) {
      for (let h = 0; h < heads; h++) {
        const p = probs + (i * heads + h) * queries * keys * bytes;
        const at = headAt(i, h, headDim, bytes);
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
  };
}
