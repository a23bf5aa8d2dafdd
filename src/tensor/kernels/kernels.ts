/**
 * The loops behind every operation: one interface and two implementations per family (plain.ts: the formula written out;
 * simd.ts: WebAssembly SIMD).
 *
 * A kernel sees addresses (bytes into the heap) and lengths (elements): no tensors, no shapes, no gradients, no
 * broadcasting. Everything is contiguous and row-major unless a stride is given. Outputs never overlap inputs, except
 * that element-wise kernels may write over an input that starts at the same address.
 *
 * "The same bits" excludes those of NaN: WebAssembly leaves its sign and payload to the engine, and they change when an engine
 * optimizes a kernel while it runs.
 */

import type { AdafactorKernels } from "./adafactor/interface.ts";
import type { AdamWKernels } from "./adamW/interface.ts";
import type { AttentionKernels } from "./attention/interface.ts";
import type { CodesKernels } from "./codes/interface.ts";
import type { ElementwiseKernels } from "./elementwise/interface.ts";
import type { GemmKernels } from "./gemm/interface.ts";
import type { L2NormalizeKernels } from "./l2Normalize/interface.ts";
import type { LayerNormKernels } from "./layerNorm/interface.ts";
import type { LionKernels } from "./lion/interface.ts";
import type { MovementKernels } from "./movement/interface.ts";
import type { MuonKernels } from "./muon/interface.ts";
import type { PairMaskKernels } from "./pairMask/interface.ts";
import type { ReduceKernels } from "./reduce/interface.ts";
import type { ResizeKernels } from "./resize/interface.ts";
import type { SgdKernels } from "./sgd/interface.ts";
import type { SigmoidTileKernels } from "./sigmoidTile/interface.ts";
import type { SoftmaxKernels } from "./softmax/interface.ts";
import type { SoftmaxTileKernels } from "./softmaxTile/interface.ts";
import type { ViewKernels } from "./view/interface.ts";
/** Every kernel of one dtype. */
export interface Kernels
  extends ElementwiseKernels,
    ReduceKernels,
    SoftmaxKernels,
    LayerNormKernels,
    L2NormalizeKernels,
    GemmKernels,
    AttentionKernels,
    SigmoidTileKernels,
    SoftmaxTileKernels,
    PairMaskKernels,
    MovementKernels,
    CodesKernels,
    AdamWKernels,
    SgdKernels,
    LionKernels,
    MuonKernels,
    AdafactorKernels,
    ViewKernels,
    ResizeKernels {
  /** For messages: "reference", "simd", "simd fma", ... */
  readonly name: string;
}
