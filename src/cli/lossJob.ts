/** What `siglip loss` asks of its devices, and what they answer. */
import { type LossCheck, lossForms } from "../siglip/index.ts";
import type { DType } from "../tensor/index.ts";

export type Form = keyof typeof lossForms;
export const FORMS = Object.keys(lossForms) as Form[];

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
  /** f64 for inputs that are: slow, and exact enough to judge others by. */
  readonly dtype: DType;
  /** Instead of what the seed gives. */
  readonly inputs?: LossInputs;
  readonly wantsGradients: boolean;
  /** Rows of images and of texts to compute again in f64, chosen by the seed; 0 for none. */
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
  /** Squared lengths of the gradients of own rows. */
  readonly zimgSquares: number;
  readonly ztxtSquares: number;
  /** Own rows of u and of v that are zero: they have no direction, so their embeddings and gradients are 0. */
  readonly zeroRows: readonly [u: number, v: number];
  /** Gradients through the normalization, [rows, dim]; where they are asked for. */
  readonly du?: Float32Array | Float64Array;
  readonly dv?: Float32Array | Float64Array;
  /** The same on every rank; where rows are to be checked. */
  readonly check?: LossCheck;
  /** Blocks of pairs in the order in which they were computed: rank of the images, rank of the texts. */
  readonly blocks: readonly (readonly [images: number, texts: number])[];
}
