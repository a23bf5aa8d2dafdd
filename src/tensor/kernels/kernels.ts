/**
 * The loops behind every operation: one interface, two implementations of each family (plain.ts as the formula written out,
 * simd.ts as WebAssembly SIMD).
 *
 * A kernel sees addresses (bytes into the heap) and lengths (elements): no tensors, no shapes, no gradients, no
 * broadcasting. Everything is contiguous and row-major unless a stride is given. Outputs never overlap inputs, except
 * that element-wise kernels may write over an input that starts at the same address.
 *
 * "The same bits" means those of numbers. NaN stays NaN, but its sign and payload are the engine's choice, as WebAssembly
 * says, and change when an engine optimises a kernel while it runs.
 */
import type { AdamWKernels } from "./adamW/interface.ts";
import type { AttentionKernels } from "./attention/interface.ts";
import type { ElementwiseKernels } from "./elementwise/interface.ts";
import type { GemmKernels } from "./gemm/interface.ts";
import type { L2NormalizeKernels } from "./l2Normalize/interface.ts";
import type { LayerNormKernels } from "./layerNorm/interface.ts";
import type { MovementKernels } from "./movement/interface.ts";
import type { ReduceKernels } from "./reduce/interface.ts";
import type { SigmoidTileKernels } from "./sigmoidTile/interface.ts";
import type { SoftmaxKernels } from "./softmax/interface.ts";
import type { ViewKernels } from "./view/interface.ts";

export interface Kernels
  extends ElementwiseKernels,
    ReduceKernels,
    SoftmaxKernels,
    LayerNormKernels,
    L2NormalizeKernels,
    GemmKernels,
    AttentionKernels,
    SigmoidTileKernels,
    MovementKernels,
    AdamWKernels,
    ViewKernels {
  /** For people: "reference", "simd", "simd fma", ... */
  readonly name: string;
}
