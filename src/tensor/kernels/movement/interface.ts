/** Numbers moved without arithmetic: filled, copied, permuted, repeated, gathered by row id, and the adjoint of gathering. */
import type { Ptr } from "../ptr.ts";

export interface MovementKernels {
  fill(n: number, value: number, out: Ptr): void;
  copy(n: number, x: Ptr, out: Ptr): void;
  /** Row-major output of `shape`, read from x with the given strides (0 repeats). Transposes and broadcasts. */
  strided(shape: readonly number[], strides: readonly number[], x: Ptr, out: Ptr): void;
  /** out[i] = table[ids[i]], rows of `cols`. */
  gather(cols: number, table: Ptr, ids: Int32Array, out: Ptr): void;
  /** out[ids[i]] += x[i], in the order of i. */
  scatterAdd(cols: number, x: Ptr, ids: Int32Array, out: Ptr): void;
}
