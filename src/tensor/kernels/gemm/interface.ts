/** The general matrix product. */
import type { Ptr } from "../ptr.ts";

/** C = (op(A)·op(B) [+ C] [+ bias] [+ plus]) [⊙ factor], `batch` times. op(A) is [m, k], op(B) is [k, n], C is [m, n]. */
export interface GemmArgs {
  /** A is stored [k, m] instead of [m, k]. */
  readonly transA: boolean;
  /** B is stored [n, k] instead of [k, n]. */
  readonly transB: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Ptr;
  /** Elements from one stored row to the next. */
  readonly lda: number;
  readonly b: Ptr;
  readonly ldb: number;
  readonly c: Ptr;
  readonly ldc: number;
  /** Add to what C holds. */
  readonly accumulate?: boolean;
  /** A row [n] added to every row of the product. */
  readonly bias?: Ptr;
  /** A matrix that is added, stored as C. Only for a batch of 1. */
  readonly plus?: Ptr;
  /** A matrix that multiplies the result number by number, stored as C. Only for a batch of 1. */
  readonly factor?: Ptr;
  readonly batch?: number;
  /** Elements from one matrix of the batch to the next; 0 repeats it. */
  readonly strideA?: number;
  readonly strideB?: number;
  readonly strideC?: number;
}

export interface GemmKernels {
  gemm(args: GemmArgs): void;
}
