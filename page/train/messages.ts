/** What the page and its training tell each other. */
import type { Names } from "../atlas/atlas.ts";

/** What the devices get at the start. */
export interface TrainConfig {
  readonly names: Names;
  readonly pictures: Uint8Array;
  /** Of the emoji in the square, as numbers in the atlas. */
  readonly square: readonly number[];
  readonly seed: number;
}

/** From the page to rank 0. */
export type Request =
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  | { readonly kind: "step" }
  | { readonly kind: "rateOfT"; readonly value: number }
  | { readonly kind: "b"; readonly value: number }
  /** Empty words end the search. */
  | { readonly kind: "search"; readonly words: string };

/** A picture that fits the words. */
export interface Found {
  /** Its number in the atlas. */
  readonly item: number;
  readonly probability: number;
}

/** From rank 0 to the page. */
export type Report =
  | { readonly kind: "ready"; readonly devices: number; readonly kernels: string }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly t: number; readonly b: number }
  | {
      readonly kind: "seen";
      readonly step: number;
      readonly textToImage: number;
      readonly imageToText: number;
      /** Row i: similarities of text i with the pictures of the square. */
      readonly similarities: Float32Array;
    }
  | { readonly kind: "found"; readonly words: string; readonly found: readonly Found[] }
  /** SHA-256 of all weights when the training pauses. */
  | { readonly kind: "paused"; readonly step: number; readonly weights: string; readonly finished: boolean };
