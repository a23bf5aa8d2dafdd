/** What the page and the worker with a model of the user tell each other. */
import type { Names } from "../atlas/atlas.ts";
import type { ChosenFile } from "./chosen.ts";

/** What the worker gets at the start. */
export interface ModelConfig {
  readonly names: Names;
  readonly pictures: Uint8Array;
  readonly files: readonly ChosenFile[];
}

/** From the page: words to search for. */
export interface ModelRequest {
  readonly words: string;
}

/** A picture that fits the words. */
export interface Match {
  /** Its number in the atlas. */
  readonly item: number;
  readonly similarity: number;
  /** Absent if the loss of the training only compares pairs. */
  readonly probability?: number;
}

/** To the page. */
export type ModelReport =
  /** What it does while it opens the model. */
  | { readonly kind: "opening"; readonly text: string }
  | { readonly kind: "opened"; readonly text: string }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "found"; readonly words: string; readonly found: readonly Match[] };
