/** The f32 kernels of one device as WebAssembly SIMD. All are listed, so that a missing one is a type error. */
import type { Heap } from "../heap.ts";
import type { Variant } from "../wasm/assembler.ts";
import { simdAdafactor } from "./adafactor/simd.ts";
import { simdAdamW } from "./adamW/simd.ts";
import { simdAttention } from "./attention/simd.ts";
import { simdCodes } from "./codes/simd.ts";
import { simdElementwise } from "./elementwise/simd.ts";
import { simdGemm } from "./gemm/simd.ts";
import type { Tile } from "./gemm/tile.ts";
import type { Kernels } from "./kernels.ts";
import { simdL2Normalize } from "./l2Normalize/simd.ts";
import { simdLayerNorm } from "./layerNorm/simd.ts";
import { simdLion } from "./lion/simd.ts";
import { simdMovement } from "./movement/simd.ts";
import { simdMuon } from "./muon/simd.ts";
import { simdPairMask } from "./pairMask/simd.ts";
import { simdReduce } from "./reduce/simd.ts";
import { simdResize } from "./resize/simd.ts";
import { simdSgd } from "./sgd/simd.ts";
import { simdSigmoidTile } from "./sigmoidTile/simd.ts";
import { simdSoftmax } from "./softmax/simd.ts";
import { simdSoftmaxTile } from "./softmaxTile/simd.ts";
import { simdView } from "./view/simd.ts";

/** The instructions and the register tile of the matrix product that a set of kernels uses. */
export interface KernelVariant extends Variant {
  readonly tile: Tile;
}

export function simdKernels(heap: Heap, variant: KernelVariant): Kernels {
  const gemm = simdGemm(heap, variant, variant.tile);
  const softmax = simdSoftmax(heap, variant);
  return {
    name: variant.fma ? "simd fma" : "simd",
    ...simdElementwise(heap, variant),
    ...simdReduce(heap, variant),
    ...softmax.kernels,
    ...simdLayerNorm(heap, variant),
    ...simdL2Normalize(heap, variant),
    ...gemm,
    ...simdAttention(heap, variant, variant.tile, gemm, softmax.scaled),
    ...simdSigmoidTile(heap, variant),
    ...simdSoftmaxTile(heap, variant),
    ...simdPairMask(heap, variant),
    ...simdMovement(heap, variant),
    ...simdCodes(heap, variant),
    ...simdAdamW(heap, variant),
    ...simdSgd(heap, variant),
    ...simdLion(heap, variant),
    ...simdMuon(heap, variant),
    ...simdAdafactor(heap, variant),
    ...simdView(heap, variant),
    ...simdResize(heap, variant),
  };
}
