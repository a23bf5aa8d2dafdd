/**
 * The f32 kernels of one device as WebAssembly SIMD. What is not written in it yet is the plain loop.
 */
import type { Heap } from "../heap.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { referenceKernels } from "../kernels/reference.ts";
import type { Variant } from "./assembler.ts";
import { attentionKernels } from "./attention.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { wasmGemm } from "./gemm.ts";
import type { Tile } from "./gemmTile.ts";
import { l2Kernels } from "./l2.ts";
import { movementKernels } from "./movement.ts";
import { normKernels } from "./norm.ts";
import { reduceKernels } from "./reduce.ts";
import { sigmoidTileKernels } from "./sigmoidTile.ts";
import { softmaxKernels } from "./softmax.ts";
import { viewKernel } from "./view.ts";

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
