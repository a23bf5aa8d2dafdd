/** A picture drawn as augmentation asks: moved, turned, scaled, recoloured. */
import type { Ptr } from "../ptr.ts";

export interface ViewArgs {
  /** Side of the picture, at least 2. */
  readonly stored: number;
  /** [stored, stored, 4], bytes: red, green, blue, each times alpha, and alpha. */
  readonly picture: Ptr;
  /** Pixel (x, y) of the view reads the picture at u = a·x + b·y + c, v = d·x + e·y + f, in pixels; whole numbers are centres. */
  readonly place: readonly [a: number, b: number, c: number, d: number, e: number, f: number];
  /** Three rows of four: what (red, green, blue, alpha) become. */
  readonly colour: readonly number[];
  /** What a byte of one is in `out`. */
  readonly scale: number;
  /** Side of the view. */
  readonly side: number;
  /** [side, side, 3] */
  readonly out: Ptr;
}

export interface ViewKernels {
  /**
   * A picture as it darkens white paper: out = α − clamp(colour·(r, g, b, α), 0, α), 0 where nothing is drawn. Bilinear;
   * around the picture all is transparent.
   */
  drawView(args: ViewArgs): void;
}
