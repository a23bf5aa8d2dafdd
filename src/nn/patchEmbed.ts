/**
 * Patch embedding: the image cut into P×P squares, each mapped to a token. A convolution whose kernel equals its stride.
 *
 * Pixels beyond the last whole patch are dropped (padding VALID).   [B, H, W, C] → [B, ⌊H/P⌋·⌊W/P⌋, P·P·C] → [B, N, D]
 */
import type { Variable } from "../autograd/index.ts";
import { constant, parameterWithLayout } from "../autograd/index.ts";
import {
  type DType,
  gather,
  permute,
  type Rng,
  reshape,
  ShapeError,
  show,
  slice,
  type Tensor,
} from "../tensor/index.ts";
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

/** K patches of every image, given by their numbers.   patches [B, N, P·P·C]   kept [B·K] → [B, K, P·P·C] */
function choose(patches: Tensor, kept: Int32Array): Tensor {
  const [batch, count, inputs] = patches.shape;
  const each = kept.length / batch;
  if (!Number.isInteger(each) || kept.some((patch) => patch < 0 || patch >= count)) {
    throw new ShapeError(
      `patch embedding: ${kept.length} kept patches for ${batch} images of ${count}; give each image the same number, from 0..${count - 1}`,
    );
  }
  const rows = kept.map((patch, i) => Math.floor(i / each) * count + patch);
  return gather(reshape(patches, [batch * count, inputs]), rows, [batch, each]);
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

  /** The tokens of all patches, or of the K patches that every image keeps.   kept [B·K] → [B, K, D] */
  forward(images: Tensor, kept?: Int32Array): Variable {
    const patches = patchify(images, this.#patchSize);
    return this.embed.forward(constant(kept ? choose(patches, kept) : patches));
  }
}
