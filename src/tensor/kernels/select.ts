/**
 * Which kernels run: the only switch. f64 always takes the plain loops; f32 takes the fastest set that is there.
 */
import { type DType, heap } from "../heap.ts";
import type { Kernels } from "./kernels.ts";
import { referenceKernels } from "./reference.ts";

const reference = { f32: referenceKernels(heap, "f32"), f64: referenceKernels(heap, "f64") };
let fast: Kernels | undefined;

/** The kernels for a dtype. */
export function kernelsFor(dtype: DType): Kernels {
  return dtype === "f32" && fast ? fast : reference[dtype];
}

/** Runs f32 on the given kernels from now on; `undefined` is the plain loops. */
export function useKernels(kernels: Kernels | undefined): void {
  fast = kernels;
}
