/** An augmented view of an image: moved, rotated, scaled, recoloured. */
import type { Ptr } from "../ptr.ts";

export interface ViewArgs {
  /** Side of the image, at least 2. */
  readonly stored: number;
  /** [stored, stored, 4], bytes: red, green, blue, each times alpha, and alpha. */
  readonly picture: Ptr;
  /** Pixel (x, y) of the view reads the image at u = a·x + b·y + c, v = d·x + e·y + f, in pixels; integers are centres of pixels. */
  readonly place: readonly [a: number, b: number, c: number, d: number, e: number, f: number];
  /** Colour matrix [3, 4]: from (red, green, blue, alpha) to red, green, blue. */
  readonly colour: readonly number[];
  /** Value in `out` of one unit of a byte. */
  readonly scale: number;
  /** Side of the view. */
  readonly side: number;
  /** [side, side, 3] */
  readonly out: Ptr;
}

export interface ViewKernels {
  /**
   * The image as ink on white paper: out = α − clamp(colour·(r, g, b, α), 0, α), 0 where nothing is drawn. Bilinear;
   * transparent outside the image.
   */
  drawView(args: ViewArgs): void;
}
