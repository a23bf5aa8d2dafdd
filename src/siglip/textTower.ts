/**
 * Text tower: a bidirectional transformer over a fixed number of tokens, without any mask.
 *
 * tokens → + positions → encoder → one position (or a mean, or attention pooling) → head.   ids [B, L] → [B, d]
 *
 * The last position is pooled: sticky-end padding makes it an end token for every text (big_vision `text_transformer.py`).
 */
import { add, gather, mean, reshape, slice, type Variable } from "../autograd/index.ts";
import { Encoder, Linear, learnedPositions, leCunNormal, MapHead, normal, type Tap } from "../nn/index.ts";
import { type DType, type Rng, ShapeError } from "../tensor/index.ts";
import type { TextTowerConfig } from "./config.ts";

/** The text tower.   ids [B, L] → [B, d], not normalized */
export class TextTower {
  readonly embedding: Variable; // [V, D]
  readonly posEmbedding: Variable; // [L, D]
  readonly encoder: Encoder;
  readonly mapHead: MapHead | undefined;
  readonly head: Linear; // [D, d]
  readonly #length: number;
  readonly #pooling: TextTowerConfig["pooling"];

  constructor(rng: Rng, config: TextTowerConfig, embedDim: number, dtype: DType) {
    const { vocabSize, width, length } = config;
    this.embedding = normal(rng.split("embedding"), [vocabSize, width], 1 / Math.sqrt(width), dtype);
    this.posEmbedding = learnedPositions(rng.split("posEmbedding"), length, width, dtype);
    this.encoder = new Encoder(rng.split("encoder"), config, dtype);
    this.mapHead = config.pooling === "map" ? new MapHead(rng.split("mapHead"), config, dtype) : undefined;
    this.head = new Linear(leCunNormal(rng.split("head"), [width, embedDim], width, dtype));
    this.#length = length;
    this.#pooling = config.pooling;
  }

  /** Embeddings of `ids`, rows of `length` tokens, before normalization. Throws `ShapeError`. */
  forward(ids: Int32Array, tap?: Tap): Variable {
    const length = this.#length;
    if (ids.length % length !== 0) {
      throw new ShapeError(
        `text tower: ${ids.length} ids do not divide into rows of ${length}; pad or cut every text to ${length}`,
      );
    }
    const embedded = gather(this.embedding, ids, [ids.length / length, length]);
    tap?.("embedded", embedded);
    const tokens = add(embedded, this.posEmbedding);
    tap?.("tokens", tokens);
    const encoded = this.encoder.forward(tokens, tap);
    tap?.("encoded", encoded);
    const pooled = this.#pool(encoded);
    tap?.("pooled", pooled);
    return this.head.forward(pooled);
  }

  #pool(encoded: Variable): Variable {
    const [batch, length, width] = encoded.shape;
    if (this.mapHead) return this.mapHead.forward(encoded);
    if (this.#pooling === "mean") return mean(encoded, { axis: 1 });
    const at = this.#pooling === "last" ? length - 1 : 0;
    return reshape(slice(encoded, 1, at, at + 1), [batch, width]);
  }
}
