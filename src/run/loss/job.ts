/**
 * One loss with its gradients, outside a run: the job, the share of each device, and the result.
 *
 * Without inputs, row i of u (images) and of v (texts) holds standard normal numbers from `new Rng(seed).split("u").split(i)`
 * and `.split("v").split(i)`, in f32. The embeddings are u and v divided by the lengths of their rows.
 */
import type { LossCheck, lossForms } from "../../siglip/index.ts";
import type { DType } from "../../tensor/index.ts";

/** Name of a form of the loss. */
export type FormName = keyof typeof lossForms;

/** Inputs of a loss: rows before normalization, in memory that all devices can read. */
export interface LossInputs {
  readonly u: Float32Array | Float64Array; // [batch, dim], before normalization
  readonly v: Float32Array | Float64Array;
  readonly tPrime: number;
  readonly b: number;
  readonly batch: number;
  readonly dim: number;
}

/** A loss to compute. */
export interface LossJob {
  readonly batch: number;
  readonly dim: number;
  readonly form: FormName;
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

/** The result of a job. */
export interface LossResult {
  readonly form: FormName;
  readonly batch: number;
  readonly dim: number;
  readonly devices: number;
  readonly dtype: DType;
  readonly tPrime: number;
  readonly t: number;
  readonly b: number;
  readonly loss: number;
  readonly seconds: number;
  readonly nsPerPair: number;
  readonly gflops: number;
  readonly peakBytes: number;
  readonly peakRss: number;
  readonly bytesExchanged: number;
  readonly gradient: {
    readonly tPrime: number;
    readonly b: number;
    /** Norms, over all rows, of the gradients of the normalized embeddings. */
    readonly zimgNorm: number;
    readonly ztxtNorm: number;
    /** Norms of the gradients of the rows before normalization, if requested. */
    readonly uNorm?: number;
    readonly vNorm?: number;
  };
  /** Rows of u and of v that are zero. */
  readonly zeroRows: { readonly u: number; readonly v: number };
  readonly check?: LossCheck;
}
