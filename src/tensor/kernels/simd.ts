/**
 * The f32 kernels of one device as WebAssembly SIMD. What is not written in it yet is the plain loop.
 */
import type { Heap } from "../heap.ts";
import type { Variant } from "../wasm/assembler.ts";
import { attentionKernels } from "./attention/simd.ts";
import { elementwiseKernels } from "./elementwise/simd.ts";
import { wasmGemm } from "./gemm/simd.ts";
import type { Tile } from "./gemm/tile.ts";
import type { Kernels } from "./kernels.ts";
import { l2Kernels } from "./l2Normalize/simd.ts";
import { normKernels } from "./layerNorm/simd.ts";
import { movementKernels } from "./movement/simd.ts";
import { referenceKernels } from "./plain.ts";
import { reduceKernels } from "./reduce/simd.ts";
import { sigmoidTileKernels } from "./sigmoidTile/simd.ts";
import { softmaxKernels } from "./softmax/simd.ts";
import { viewKernel } from "./view/simd.ts";

/** What a set of kernels is built for: the instructions of the engine and the register tile of the matrix product. */
export interface KernelVariant extends Variant {
  readonly tile: Tile;
}

export function wasmKernels(heap: Heap, variant: KernelVariant): Kernels {
  const gemm = wasmGemm(heap, variant, variant.tile);
  const softmax = softmaxKernels(heap, variant);
  return {
    ...referenceKernels(heap, "f32"),
    name: variant.fma ? "simd fma" : "simd",
    ...reduceKernels(heap, variant),
    ...softmax.kernels,
    ...elementwiseKernels(heap, variant),
    ...normKernels(heap, variant),
    ...l2Kernels(heap, variant),
    ...movementKernels(heap, variant),
    ...sigmoidTileKernels(heap, variant),
    ...attentionKernels(heap, variant, variant.tile, gemm, softmax.scaled),
    drawView: viewKernel(heap, variant),
    gemm,
  };
}
