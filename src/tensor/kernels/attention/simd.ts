/**
 * Attention of all heads: out = P·V with P = softmax(Q·Kᵀ/√headDim), composed of batched products and row kernels.
 *
 * Q, K and V are read from a projection in place: a head is a matrix with long rows, and the images of the batch follow at
 * a fixed distance, so that one product computes a head of many images. Images go in groups whose P stays in the cache.
 *
 *     backward, with G the gradient of out:   dV = Pᵀ·G   dS = softmax′(P, G·Vᵀ)/√headDim   dQ = dS·K   dK = dSᵀ·Q
 *
 * Few keys have separate kernels (fewKeys.ts).
 *
 * P [batch, heads, queries, keys]. An image's result does not depend on the batch around it.
 */
import type { Heap } from "../../heap.ts";
import type { Variant } from "../../wasm/assembler.ts";
import type { GemmKernels } from "../gemm/interface.ts";
import type { Tile } from "../gemm/tile.ts";
import type { Ptr } from "../ptr.ts";
import { scratch } from "../scratch.ts";
import type { ScaledSoftmax } from "../softmax/simd.ts";
import { fewKeysAttention, hasFewKeys } from "./fewKeys.ts";
import type { AttentionArgs, AttentionKernels, HeadLayout } from "./interface.ts";

type Gemm = GemmKernels["gemm"];

const GROUP = 65536; // numbers of P: 256 KiB

/** A matrix per image: address of the first, and elements between rows and between images. */
interface Matrices {
  readonly at: Ptr;
  readonly row: number;
  readonly batch: number;
}

/** Calls `body` for each group of images, with their number and the index of the first. */
function eachGroup(
  { batch, heads, queries, keys }: AttentionArgs,
  body: (images: number, first: number) => void,
): void {
  const size = Math.max(1, Math.floor(GROUP / (heads * queries * keys)));
  for (let first = 0; first < batch; first += size) body(Math.min(size, batch - first), first);
}

/** Head h of the images from `first` on. */
const headOf = (layout: HeadLayout, first: number, h: number, headDim: number): Matrices => ({
  ...layout,
  at: layout.at + 4 * (first * layout.batch + h * headDim),
});

/** Head h of P or of its gradient, which starts at `at`. */
const scoresOf = (at: Ptr, h: number, { heads, queries, keys }: AttentionArgs): Matrices => ({
  at: at + 4 * h * queries * keys,
  row: keys,
  batch: heads * queries * keys,
});

/** For each image: c = op(a)·op(b), [m, k]·[k, n]. */
function products(
  gemm: Gemm,
  images: number,
  [m, n, k]: readonly [number, number, number],
  [a, transA]: readonly [Matrices, boolean],
  [b, transB]: readonly [Matrices, boolean],
  c: Matrices,
): void {
  gemm({
    transA, transB, m, n, k, batch: images, a: a.at, lda: a.row, strideA: a.batch, b: b.at, ldb: b.row,
    strideB: b.batch, c: c.at, ldc: c.row, strideC: c.batch,
  }); // biome-ignore format: a matrix after the other
}

function composed(heap: Heap, gemm: Gemm, rows: ScaledSoftmax): AttentionKernels {
  const workspace = scratch(heap);
  return {
    attention(args) {
      const { heads, queries, keys, headDim, q, k, v, out, probs } = args;
      const scale = 1 / Math.sqrt(headDim);
      eachGroup(args, (images, first) => {
        const p = probs + 4 * first * heads * queries * keys;
        const head = (layout: HeadLayout, h: number) => headOf(layout, first, h, headDim);
        for (let h = 0; h < heads; h++) {
          const scores = scoresOf(p, h, args);
          products(gemm, images, [queries, keys, headDim], [head(q, h), false], [head(k, h), true], scores);
        }
        rows.softmax(images * heads * queries, keys, scale, p, p);
        for (let h = 0; h < heads; h++) {
          const weights = scoresOf(p, h, args);
          products(gemm, images, [queries, headDim, keys], [weights, false], [head(v, h), false], head(out, h));
        }
      });
    },

    attentionGrad(args) {
      const { heads, queries, keys, headDim, q, k, v, g, dq, dk, dv, probs } = args;
      const scale = 1 / Math.sqrt(headDim);
      eachGroup(args, (images, first) => {
        const size = heads * queries * keys;
        const p = probs + 4 * first * size;
        const ds = workspace(4 * images * size);
        const head = (layout: HeadLayout, h: number) => headOf(layout, first, h, headDim);
        for (let h = 0; h < heads; h++) {
          const [weights, dWeights] = [scoresOf(p, h, args), scoresOf(ds, h, args)];
          products(gemm, images, [keys, headDim, queries], [weights, true], [head(g, h), false], head(dv, h));
          products(gemm, images, [queries, keys, headDim], [head(g, h), false], [head(v, h), true], dWeights);
        }
        rows.softmaxGrad(images * heads * queries, keys, scale, p, ds, ds);
        for (let h = 0; h < heads; h++) {
          const dScores = scoresOf(ds, h, args);
          products(gemm, images, [queries, headDim, keys], [dScores, false], [head(k, h), false], head(dq, h));
          products(gemm, images, [keys, headDim, queries], [dScores, true], [head(q, h), false], head(dk, h));
        }
      });
    },
  };
}

/** Which kernels run depends on the dimensions of an image, not on the batch. */
export function simdAttention(
  heap: Heap,
  variant: Variant,
  tile: Tile,
  { gemm }: GemmKernels,
  rows: ScaledSoftmax,
): AttentionKernels {
  const few = fewKeysAttention(heap, variant, tile);
  const many = composed(heap, gemm, rows);
  return {
    attention: (args) => (hasFewKeys(args) ? few : many).attention(args),
    attentionGrad: (args) => (hasFewKeys(args) ? few : many).attentionGrad(args),
  };
}
