/**
 * The kernels as plain loops: the oracle for every faster one, and the only ones for f64.
 *
 * Each loop is the formula written out. Sums accumulate in f64 and are rounded when they are stored.
 */
import type { DType, Heap } from "../heap.ts";
import { plainAdafactor } from "./adafactor/plain.ts";
import { plainAdamW } from "./adamW/plain.ts";
import { plainAttention } from "./attention/plain.ts";
import { plainCodes } from "./codes/plain.ts";
import { plainElementwise } from "./elementwise/plain.ts";
import { plainGemm } from "./gemm/plain.ts";
import type { Kernels } from "./kernels.ts";
import { plainL2Normalize } from "./l2Normalize/plain.ts";
import { plainLayerNorm } from "./layerNorm/plain.ts";
import { plainLion } from "./lion/plain.ts";
import { plainMovement } from "./movement/plain.ts";
import { plainMuon } from "./muon/plain.ts";
import { plainPairMask } from "./pairMask/plain.ts";
import { plainReduce } from "./reduce/plain.ts";
import { plainResize } from "./resize/plain.ts";
import { plainSgd } from "./sgd/plain.ts";
import { plainSigmoidTile } from "./sigmoidTile/plain.ts";
import { plainSoftmax } from "./softmax/plain.ts";
import { plainSoftmaxTile } from "./softmaxTile/plain.ts";
import { plainView } from "./view/plain.ts";

/** The kernels of a heap as plain loops. */
export function plainKernels(heap: Heap, dtype: DType): Kernels {
  const parts = { ...plainElementwise(heap, dtype), ...plainGemm(heap, dtype), ...plainSoftmax(heap, dtype) };
  return {
    name: "reference",
    ...parts,
    ...plainReduce(heap, dtype),
    ...plainLayerNorm(heap, dtype),
    ...plainL2Normalize(heap, dtype),
    ...plainAttention(heap, dtype, parts),
    ...plainSigmoidTile(heap, dtype),
    ...plainSoftmaxTile(heap, dtype),
    ...plainPairMask(heap, dtype),
    ...plainMovement(heap, dtype),
    ...plainCodes(heap),
    ...plainAdamW(heap, dtype),
    ...plainSgd(heap, dtype),
    ...plainLion(heap, dtype),
    ...plainMuon(heap, dtype),
    ...plainAdafactor(heap, dtype),
    ...plainView(heap, dtype),
    ...plainResize(heap),
  };
}
