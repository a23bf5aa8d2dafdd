/**
 * Text tower: a bidirectional transformer over a fixed number of tokens, without any mask.
 *
 * tokens → [bottleneck] → + positions → encoder → one position (or mean, maximum, attention pooling) → head.   ids [B, L] → [B, d]
 *
 * The last position is pooled: sticky-end padding makes it an end token for every text (big_vision `text_transformer.py`).
 */
import { add, constant, gather, linear, type Variable } from "../autograd/index.ts";
import {
  type BlockReader,
  Encoder,
  Linear,
  learnedPositions,
  leCunNormal,
  MapHead,
  normal,
  pool,
  type Tap,
} from "../nn/index.ts";
import { checkIds, type DType, type Rng, reshape, ShapeError, type Tensor } from "../tensor/index.ts";
import type { TextTowerConfig } from "./config.ts";

/** Reads the parts of a text tower that are not in memory, for inference. */
export interface TextParts {
  /** Rows of the token table.   ids [n] → [n, D] */
  readonly rows: (ids: Int32Array) => Tensor;
  readonly block: BlockReader;
}

/** The text tower.   ids [B, L] → [B, d], not normalized */
export class TextTower {
  /** The token table, or what reads its rows. */
  readonly embedding: Variable | TextParts["rows"]; // [V, D], or [V, K] with a bottleneck
  /** Takes the K columns of the table to the width (SigLIP section 4.3). Without a bias: the positions would absorb it. */
  readonly bottleneck: { readonly kernel: Variable } | undefined; // [K, D]
  readonly posEmbedding: Variable; // [L, D]
  readonly encoder: Encoder;
  readonly mapHead: MapHead | undefined;
  readonly head: Linear | undefined; // [D, d]
  readonly #config: TextTowerConfig;

  /**
   * With a bottleneck, token embeddings start with the same variance, 1/D, as without: normal table, LeCun kernel. With `parts`
   * the tower has neither a table nor encoder blocks.
   */
  constructor(rng: Rng, config: TextTowerConfig, embedDim: number, dtype: DType, parts?: TextParts) {
    const { vocabSize, width, length, pooling, bottleneck = 0, head = true } = config;
    const columns = bottleneck || width;
    this.embedding = parts?.rows ?? normal(rng.split("embedding"), [vocabSize, columns], 1 / Math.sqrt(width), dtype);
    this.bottleneck =
      bottleneck === 0 ? undefined : { kernel: leCunNormal(rng.split("bottleneck"), [columns, width], columns, dtype) };
    this.posEmbedding = learnedPositions(rng.split("posEmbedding"), length, width, dtype);
    this.encoder = new Encoder(rng.split("encoder"), config, dtype, parts?.block);
    this.mapHead = pooling === "map" ? new MapHead(rng.split("mapHead"), config, dtype) : undefined;
    this.head = head ? new Linear(leCunNormal(rng.split("head"), [width, embedDim], width, dtype)) : undefined;
    this.#config = config;
  }

  /** Embeddings of `ids`, rows of `length` tokens, before normalization. Throws `ShapeError`. */
  forward(ids: Int32Array, tap?: Tap): Variable {
    const { length } = this.#config;
    if (ids.length > 0 && typeof ids[0] !== "number") {
      const how = "give all ids in one Int32Array: Int32Array.from(ids.flat()) of arrays of ids, encodeAll of texts";
      throw new ShapeError(`text tower: entry 0 is ${JSON.stringify(ids[0])}, not an id; ${how}`);
    }
    if (ids.length % length !== 0) {
      throw new ShapeError(
        `text tower: ${ids.length} ids do not divide into rows of ${length}; pad or cut every text to ${length}`,
      );
    }
    const rows = this.#rowsOf(ids);
    const embedded = this.bottleneck ? linear(rows, this.bottleneck.kernel) : rows;
    tap?.("embedded", embedded);
    const tokens = add(embedded, this.posEmbedding);
    tap?.("tokens", tokens);
    const encoded = this.encoder.forward(tokens, tap);
    tap?.("encoded", encoded);
    const pooled = this.#pool(encoded);
    tap?.("pooled", pooled);
    return this.head ? this.head.forward(pooled) : pooled;
  }

  #rowsOf(ids: Int32Array): Variable {
    const { vocabSize, length } = this.#config;
    const shape = [ids.length / length, length];
    if (typeof this.embedding !== "function") return gather(this.embedding, ids, shape);
    checkIds("text tower", ids, vocabSize);
    return constant(reshape(this.embedding(ids), [...shape, -1]));
  }

  #pool(encoded: Variable): Variable {
    const { pooling } = this.#config;
    if (this.mapHead) return this.mapHead.forward(encoded);
    return pool(encoded, pooling as Exclude<typeof pooling, "map">);
  }
}
