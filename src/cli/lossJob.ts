/** The job of `siglip loss` for its devices, and their results. */
import { type LossCheck, lossForms } from "../siglip/index.ts";
import type { DType } from "../tensor/index.ts";

export type Form = keyof typeof lossForms;
export const FORMS = Object.keys(lossForms) as Form[];

/** Floating-point operations a pair that a form needs, in units of d: a product has 2. The fused softmax loss needs logits twice. */
export const OPERATIONS: Readonly<Record<Form, number>> = {
  fused: 6,
  chunked: 6,
  gather: 6,
  dense: 6,
  softmax: 8,
  softmaxDense: 6,
};

export interface LossInputs {
  readonly u: Float32Array | Float64Array; // [batch, dim], before normalization
  readonly v: Float32Array | Float64Array;
  readonly tPrime: number;
  readonly b: number;
  readonly batch: number;
  readonly dim: number;
}

export interface LossJob {
  readonly batch: number;
  readonly dim: number;
  readonly form: Form;
  readonly seed: number;
  /** t = exp(tPrime). */
  readonly tPrime: number;
  readonly b: number;
  /** f64 for f64 inputs: slow, and accurate enough as a reference. */
  readonly dtype: DType;
  /** Replace the rows drawn from the seed. */
  readonly inputs?: LossInputs;
  readonly wantsGradients: boolean;
  /** Rows of images and of texts to compute again in f64, drawn by the seed; 0 for none. */
  readonly checkRows: number;
}

/** One device's part; loss, dtPrime and db are those of the whole batch. */
export interface LossShare {
  readonly loss: number;
  readonly dtPrime: number;
  readonly db: number;
  readonly seconds: number;
  readonly peakBytes: number;
  readonly bytesExchanged: number;
  /** Squared norms of the gradients of this device's rows. */
  readonly zimgSquares: number;
  readonly ztxtSquares: number;
  /** Zero rows of u and of v on this device: they have no direction, so their embeddings and gradients are 0. */
  readonly zeroRows: readonly [u: number, v: number];
  /** Gradients through the normalization, [rows, dim]; if requested. */
  readonly du?: Float32Array | Float64Array;
  readonly dv?: Float32Array | Float64Array;
  /** The check, the same on every rank; if requested. */
  readonly check?: LossCheck;
  /** Blocks of pairs in the order of computation: rank of the images, rank of the texts. */
  readonly blocks: readonly (readonly [images: number, texts: number])[];
}
