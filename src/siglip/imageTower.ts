/**
 * Image tower: a vision transformer with attention pooling (Dosovitskiy et al. 2020; SigLIP section 3).
 *
 * patches → + positions → [class token before them] → encoder → pooling → [tanh layer] → [head].   [B, H, W, C] → [B, d]
 */
import { add, broadcastTo, concat, gather, tanh, type Variable } from "../autograd/index.ts";
import {
  Encoder,
  filled,
  Linear,
  learnedPositions,
  leCunNormal,
  MapHead,
  PatchEmbed,
  pool,
  sincos2d,
  type Tap,
} from "../nn/index.ts";
import { type DType, type Rng, requireTensor, ShapeError, show, type Tensor } from "../tensor/index.ts";
import { CHANNELS, gridOf, type ImageTowerConfig, sidesOf } from "./config.ts";

/** The image tower.   images [B, H, W, 3] → [B, d], not normalized */
export class ImageTower {
  readonly patchEmbed: PatchEmbed;
  readonly posEmbedding: Variable | Tensor; // [N, D]
  /** Only for pooling `tok`; it has no position. */
  readonly classToken: Variable | undefined; // [D]
  readonly encoder: Encoder;
  readonly mapHead: MapHead | undefined;
  /** The tanh layer (big_vision `pre_logits`). */
  readonly preLogits: Linear | undefined; // [D, repSize]
  /** Only if the width differs from that of the embedding; SigLIP's image tower has none. */
  readonly head: Linear | undefined;
  readonly #config: ImageTowerConfig;

  constructor(rng: Rng, config: ImageTowerConfig, embedDim: number, dtype: DType) {
    const { width, patchSize, posEmb, pooling, repSize = 0 } = config;
    const [rows, cols] = gridOf(config);
    const linear = (name: string, inputs: number, outputs: number): Linear =>
      new Linear(leCunNormal(rng.split(name), [inputs, outputs], inputs, dtype));
    const pooledWidth = repSize || width;
    this.#config = config;
    this.patchEmbed = new PatchEmbed(rng.split("patchEmbed"), patchSize, CHANNELS, width, dtype);
    this.posEmbedding =
      posEmb === "learn"
        ? learnedPositions(rng.split("posEmbedding"), rows * cols, width, dtype)
        : sincos2d(rows, cols, width, dtype);
    this.classToken = pooling === "tok" ? filled([width], 0, dtype) : undefined;
    this.encoder = new Encoder(rng.split("encoder"), config, dtype);
    this.mapHead = pooling === "map" ? new MapHead(rng.split("mapHead"), config, dtype) : undefined;
    this.preLogits = repSize === 0 ? undefined : linear("preLogits", width, repSize);
    this.head = pooledWidth === embedDim ? undefined : linear("head", pooledWidth, embedDim);
  }

  /**
   * Embeddings before normalization, from all patches or from the K patches that every image keeps (`drawPatches`).
   *
   * `tap` receives the intermediates by name. Throws `ShapeError`.   kept [B·K]
   */
  forward(images: Tensor, tap?: Tap, kept?: Int32Array): Variable {
    this.#check(images);
    const patches = this.patchEmbed.forward(images, kept);
    tap?.("patches", patches);
    const [batch, count, width] = patches.shape;
    const tokens = add(patches, kept ? gather(this.posEmbedding, kept, [batch, count]) : this.posEmbedding);
    tap?.("tokens", tokens);
    const encoded = this.encoder.forward(
      this.classToken ? concat([broadcastTo(this.classToken, [batch, 1, width]), tokens], 1) : tokens,
      tap,
    );
    tap?.("encoded", encoded);
    const pooled = this.#pool(encoded);
    tap?.("pooled", pooled);
    const represented = this.preLogits ? tanh(this.preLogits.forward(pooled)) : pooled;
    tap?.("preLogits", represented);
    return this.head ? this.head.forward(represented) : represented;
  }

  #pool(encoded: Variable): Variable {
    const { pooling } = this.#config;
    if (this.mapHead) return this.mapHead.forward(encoded);
    return pool(encoded, pooling === "mean" || pooling === "max" ? pooling : "first"); // the class token is first
  }

  #check(images: Tensor): void {
    const [rows, cols] = sidesOf(this.#config);
    requireTensor("image tower: images", images, [1, rows, cols, CHANNELS]);
    const { shape } = images;
    const [, height, width, channels] = shape;
    const patches = (pixels: number): number => Math.floor(pixels / this.#config.patchSize); // the rest is dropped
    const fits = patches(height) === patches(rows) && patches(width) === patches(cols);
    if (shape.length === 4 && fits && channels === CHANNELS) return;
    const channelsFirst = shape.length === 4 && height === CHANNELS;
    const remedy = channelsFirst
      ? "; channels come last here: permute(images, [0, 2, 3, 1])"
      : shape.length === 3
        ? `; one image is a batch of one: reshape(image, ${show([1, ...shape])})`
        : "";
    throw new ShapeError(
      `image tower: images must be [B, ${rows}, ${cols}, ${CHANNELS}] (rows, columns, channels), not ${show(shape)}${remedy}`,
    );
  }
}
