/** What the page and its training tell each other. */
import type { Names } from "../atlas/atlas.ts";

/** From the page. */
export type Request =
  | { readonly kind: "open"; readonly names: Names; readonly pictures: Uint8Array; readonly seed: number }
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  | { readonly kind: "step" };

/** From the training. */
export type Report =
  | { readonly kind: "ready"; readonly kernels: string; readonly byPixels: number }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly t: number; readonly b: number }
  | {
      readonly kind: "seen";
      readonly step: number;
      readonly textToImage: number;
      readonly imageToText: number;
      readonly similarities: Float32Array;
    }
  | { readonly kind: "failed"; readonly message: string };
