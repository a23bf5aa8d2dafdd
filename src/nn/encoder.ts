/**
 * Pre-LN transformer encoder, bidirectional: blocks of attention and MLP with residuals, and a final layer norm.
 *
 * x ← x + attention(LN(x));  x ← x + mlp(LN(x)).   Dosovitskiy et al. 2020, arXiv:2010.11929.   x [B, N, D]
 */
import { add, type Variable } from "../autograd/index.ts";
import { type DType, type Rng, scope } from "../tensor/index.ts";
import { SelfAttention } from "./attention.ts";
import { LayerNorm } from "./layerNorm.ts";
import { Mlp, type MlpConfig } from "./mlp.ts";
import type { Tap } from "./tap.ts";

/** Sizes of an encoder. */
export interface EncoderConfig extends MlpConfig {
  readonly depth: number;
  readonly numHeads: number;
  /** Of every layer norm; 1e-6 by default. */
  readonly epsilon?: number;
}

/** x + part(normed), with the same bits in one operation or in two. */
function residual(name: string, part: SelfAttention | Mlp, normed: Variable, x: Variable, tap?: Tap): Variable {
  if (!tap) return part.forward(normed, x);
  const added = part.forward(normed);
  tap(name, added);
  return add(added, x);
}

/** Attention and MLP, each with a layer norm before it and a residual around it.   x [B, N, D] → [B, N, D] */
export class EncoderBlock {
  readonly norm1: LayerNorm;
  readonly attention: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;

  constructor(rng: Rng, config: EncoderConfig, dtype: DType) {
    const { width, numHeads, epsilon } = config;
    this.norm1 = new LayerNorm(width, dtype, epsilon);
    this.attention = new SelfAttention(rng.split("attention"), width, numHeads, dtype);
    this.norm2 = new LayerNorm(width, dtype, epsilon);
    this.mlp = new Mlp(rng.split("mlp"), config, dtype);
  }

  /** Sets the kernels of both output projections to zero; their biases stay. */
  zeroOutputs(): void {
    for (const { kernel } of [this.attention.out, this.mlp.dense2]) kernel.value.data.fill(0);
  }

  /** `tap` receives what attention and MLP add to the tokens, which is not computed alone without one. */
  forward(x: Variable, tap?: Tap): Variable {
    const y = scope(() => residual("attention", this.attention, this.norm1.forward(x), x, tap));
    return scope(() => residual("mlp", this.mlp, this.norm2.forward(y), y, tap));
  }
}

/** Reads encoder block i, which is not in memory, for inference. */
export type BlockReader = (i: number) => EncoderBlock;

/** `depth` encoder blocks and a final layer norm.   x [B, N, D] → [B, N, D] */
export class Encoder {
  /** The blocks, or what reads one when the tokens come to it. */
  readonly blocks: readonly EncoderBlock[] | BlockReader;
  readonly norm: LayerNorm;
  readonly #depth: number;

  /** With `reader` the encoder has no blocks of its own. */
  constructor(rng: Rng, config: EncoderConfig, dtype: DType, reader?: BlockReader) {
    this.#depth = config.depth;
    this.blocks =
      reader ?? Array.from({ length: config.depth }, (_, i) => new EncoderBlock(rng.split(i), config, dtype));
    this.norm = new LayerNorm(config.width, dtype, config.epsilon);
  }

  /** Sets the kernels with which attention and MLP add to the tokens to zero: a block then adds no more than their biases. */
  zeroOutputs(): void {
    for (let i = 0; i < this.#depth; i++) this.#block(i).zeroOutputs();
  }

  /** The normalized tokens. `tap` receives the parts and the output of every block: block0/attention, block0/mlp, block0. */
  forward(x: Variable, tap?: Tap): Variable {
    let y = x;
    for (let i = 0; i < this.#depth; i++) {
      const before = y;
      y = scope(() => this.#block(i).forward(before, tap && ((name, value) => tap(`block${i}/${name}`, value))));
      tap?.(`block${i}`, y);
    }
    return this.norm.forward(y);
  }

  #block(i: number): EncoderBlock {
    return typeof this.blocks === "function" ? this.blocks(i) : this.blocks[i];
  }
}
