/**
 * Patch embedding: the image cut into P×P squares, each mapped to a token. A convolution whose kernel equals its stride.
 *
 * Pixels beyond the last whole patch are dropped (padding VALID).   [B, H, W, C] → [B, ⌊H/P⌋·⌊W/P⌋, P·P·C] → [B, N, D]
 */
import type { Variable } from "../autograd/index.ts";
import { constant, parameterWithLayout } from "../autograd/index.ts";
import { type DType, permute, type Rng, reshape, ShapeError, show, slice, type Tensor } from "../tensor/index.ts";
import { leCunNormal } from "./init.ts";
import { Linear } from "./linear.ts";

/** Patches as rows, row-major over the image; inside a patch row, column, channel.   [B, H, W, C] → [B, N, P·P·C] */
export function patchify(images: Tensor, patchSize: number): Tensor {
  if (images.shape.length !== 4)
    throw new ShapeError(`patchify: images must be [B, H, W, C], not ${show(images.shape)}`);
  const [batch, height, width, channels] = images.shape;
  const [rows, cols] = [Math.floor(height / patchSize), Math.floor(width / patchSize)];
  if (rows === 0 || cols === 0) {
    throw new ShapeError(
      `patchify: images of ${height}×${width} are smaller than a patch of ${patchSize}×${patchSize}`,
    );
  }
  const whole = slice(slice(images, 1, 0, rows * patchSize), 2, 0, cols * patchSize);
  const split = reshape(whole, [batch, rows, patchSize, cols, patchSize, channels]);
  return reshape(permute(split, [0, 1, 3, 2, 4, 5]), [batch, rows * cols, patchSize * patchSize * channels]);
}

/** Images to tokens.   images [B, H, W, C] → [B, N, D] */
export class PatchEmbed {
  readonly embed: Linear; // [P·P·C, D]
  readonly #patchSize: number;

  constructor(rng: Rng, patchSize: number, channels: number, width: number, dtype: DType) {
    const inputs = patchSize * patchSize * channels;
    const kernel = leCunNormal(rng.split("kernel"), [inputs, width], inputs, dtype);
    this.embed = new Linear(parameterWithLayout(kernel.value, { axes: [patchSize, patchSize, channels, width] }));
    this.#patchSize = patchSize;
  }

  forward(images: Tensor): Variable {
    return this.embed.forward(constant(patchify(images, this.#patchSize)));
  }
}
