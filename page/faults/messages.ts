/** What the page and a training of the museum tell each other. */
import type { Names } from "../atlas/atlas.ts";
import type { LossName } from "./state.ts";

/** What the worker gets at the start. */
export interface FaultConfig {
  readonly names: Names;
  readonly pictures: Uint8Array;
  readonly loss: LossName;
  readonly seed: number;
}

/** From the worker. */
export type Report =
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly t: number; readonly b: number }
  | { readonly kind: "recall"; readonly step: number; readonly recall: number };
