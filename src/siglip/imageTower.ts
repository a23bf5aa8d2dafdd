/**
 * Image tower: a vision transformer with attention pooling (Dosovitskiy et al. 2020; SigLIP section 3).
 *
 * patches → + positions → encoder → pooling → [head].   [B, S, S, C] → [B, d]
 */
import { add, mean, type Variable } from "../autograd/index.ts";
import {
  Encoder,
  Linear,
  learnedPositions,
  leCunNormal,
  MapHead,
  PatchEmbed,
  sincos2d,
  type Tap,
} from "../nn/index.ts";
import { type DType, type Rng, type Shape, ShapeError, show, type Tensor } from "../tensor/index.ts";
import { CHANNELS, type ImageTowerConfig } from "./config.ts";

/** The image tower.   images [B, S, S, 3] → [B, d], not normalized */
export class ImageTower {
  readonly patchEmbed: PatchEmbed;
  readonly posEmbedding: Variable | Tensor; // [N, D]
  readonly encoder: Encoder;
  readonly mapHead: MapHead | undefined;
  /** Only if the width differs from that of the embedding; SigLIP's image tower has none. */
  readonly head: Linear | undefined;
  readonly #imageSize: number;
  readonly #patchSize: number;

  constructor(rng: Rng, config: ImageTowerConfig, embedDim: number, dtype: DType) {
    const { width, patchSize, imageSize } = config;
    const side = Math.floor(imageSize / patchSize);
    this.#imageSize = imageSize;
    this.#patchSize = patchSize;
    this.patchEmbed = new PatchEmbed(rng.split("patchEmbed"), patchSize, CHANNELS, width, dtype);
    this.posEmbedding =
      config.posEmb === "learn"
        ? learnedPositions(rng.split("posEmbedding"), side * side, width, dtype)
        : sincos2d(side, side, width, dtype);
    this.encoder = new Encoder(rng.split("encoder"), config, dtype);
    this.mapHead = config.pooling === "map" ? new MapHead(rng.split("mapHead"), config, dtype) : undefined;
    this.head =
      width === embedDim ? undefined : new Linear(leCunNormal(rng.split("head"), [width, embedDim], width, dtype));
  }

  /** Embeddings before normalization. `tap` receives the intermediates by name. Throws `ShapeError`. */
  forward(images: Tensor, tap?: Tap): Variable {
    this.#check(images.shape);
    const patches = this.patchEmbed.forward(images);
    tap?.("patches", patches);
    const tokens = add(patches, this.posEmbedding);
    tap?.("tokens", tokens);
    const encoded = this.encoder.forward(tokens, tap);
    tap?.("encoded", encoded);
    const pooled = this.mapHead ? this.mapHead.forward(encoded) : mean(encoded, { axis: 1 });
    tap?.("pooled", pooled);
    return this.head ? this.head.forward(pooled) : pooled;
  }

  #check(shape: Shape): void {
    const side = this.#imageSize;
    const [, height, width, channels] = shape;
    const patches = (pixels: number): number => Math.floor(pixels / this.#patchSize); // the rest is dropped
    const fits = patches(height) === patches(side) && patches(width) === patches(side);
    if (shape.length === 4 && fits && channels === CHANNELS) return;
    const channelsFirst = shape.length === 4 && height === CHANNELS;
    const remedy = channelsFirst ? "; channels come last here: permute(images, [0, 2, 3, 1])" : "";
    throw new ShapeError(
      `image tower: images must be [B, ${side}, ${side}, ${CHANNELS}] (rows, columns, channels), not ${show(shape)}${remedy}`,
    );
  }
}
