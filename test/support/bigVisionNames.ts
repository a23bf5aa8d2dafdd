/**
 * big_vision's parameter names, and the position of the same numbers in our model.
 *
 * One projection of ours fuses several of theirs: queries, keys and values are columns of `qkv` [W, 3W], keys and
 * values of the pooling head columns of `keyValue` [W, 2W]. Heads are contiguous columns in both, so [W, heads, W/heads]
 * is [W, W] without a copy, and so is a convolution kernel [P, P, C, W] as [P·P·C, W].
 */
import type { Variable } from "../../src/autograd/index.ts";
import { countParameters, parametersOf } from "../../src/nn/index.ts";
import { SigLip, type SigLipConfig } from "../../src/siglip/index.ts";
import { type DType, Rng, reshape, slice, type Tensor } from "../../src/tensor/index.ts";
import type { Golden } from "./goldens.ts";

export interface Place {
  /** Path of our parameter. */
  readonly path: string;
  /** Its columns are part `part` of `parts`. */
  readonly part: number;
  readonly parts: number;
}

const WHOLE: Record<string, string> = {
  t: "tPrime",
  b: "b",
  "img/embedding/kernel": "image/patchEmbed/embed/kernel",
  "img/embedding/bias": "image/patchEmbed/embed/bias",
  "img/cls": "image/classToken",
  "img/pre_logits/kernel": "image/preLogits/kernel",
  "img/pre_logits/bias": "image/preLogits/bias",
  "txt/Embed_0/embedding": "text/embedding",
};

const IN_BLOCK: Record<string, Omit<Place, "path"> & { readonly module: string }> = {
  LayerNorm_0: { module: "norm1", part: 0, parts: 1 },
  LayerNorm_1: { module: "norm2", part: 0, parts: 1 },
  "MlpBlock_0/Dense_0": { module: "mlp/dense1", part: 0, parts: 1 },
  "MlpBlock_0/Dense_1": { module: "mlp/dense2", part: 0, parts: 1 },
  "MultiHeadDotProductAttention_0/query": { module: "attention/qkv", part: 0, parts: 3 },
  "MultiHeadDotProductAttention_0/key": { module: "attention/qkv", part: 1, parts: 3 },
  "MultiHeadDotProductAttention_0/value": { module: "attention/qkv", part: 2, parts: 3 },
  "MultiHeadDotProductAttention_0/out": { module: "attention/out", part: 0, parts: 1 },
};

const IN_MAP_HEAD: typeof IN_BLOCK = {
  ...IN_BLOCK,
  LayerNorm_0: { module: "norm", part: 0, parts: 1 },
  "MultiHeadDotProductAttention_0/query": { module: "query", part: 0, parts: 1 },
  "MultiHeadDotProductAttention_0/key": { module: "keyValue", part: 0, parts: 2 },
  "MultiHeadDotProductAttention_0/value": { module: "keyValue", part: 1, parts: 2 },
  "MultiHeadDotProductAttention_0/out": { module: "out", part: 0, parts: 1 },
};

/** The position of a parameter of big_vision in our model. Throws on an unknown name. */
export function placeOf(name: string): Place {
  const whole = (path: string): Place => ({ path, part: 0, parts: 1 });
  if (name in WHOLE) return whole(WHOLE[name]);
  const [, side, rest] = /^(img|txt)\/(.*)$/.exec(name) ?? [];
  const tower = side === "img" ? "image" : "text";
  if (rest === "pos_embedding") return whole(`${tower}/posEmbedding`);
  if (rest === "MAPHead_0/probe") return whole(`${tower}/mapHead/probe`);
  const head = /^head\/(kernel|bias)$/.exec(rest);
  if (head) return whole(`${tower}/head/${head[1]}`);
  const norm = /^(?:Transformer|Encoder_0)\/encoder_norm\/(\w+)$/.exec(rest);
  if (norm) return whole(`${tower}/encoder/norm/${norm[1]}`);
  const inner = /^(?:(?:Transformer|Encoder_0)\/encoderblock_(\d+)|MAPHead_0)\/(.*)\/(\w+)$/.exec(rest);
  const found = inner && (inner[1] === undefined ? IN_MAP_HEAD : IN_BLOCK)[inner[2]];
  if (!found) throw new Error(`big_vision: no place for ${name}`);
  const { module, part, parts } = found;
  const outer = inner[1] === undefined ? "mapHead" : `encoder/blocks/${inner[1]}`;
  return { path: `${tower}/${outer}/${module}/${inner[3]}`, part, parts };
}

/** The numbers of one of their parameters from ours, in their shape. */
export function partOf(ours: Tensor, name: string, shape: readonly number[]): Tensor {
  const { part, parts } = placeOf(name);
  if (parts === 1) return reshape(ours, shape);
  const columns = ours.shape[ours.shape.length - 1] / parts;
  return reshape(slice(ours, -1, part * columns, (part + 1) * columns), shape);
}

/** Gives a model the parameters of big_vision. Throws unless every number of it is set. */
export function setParameters(model: SigLip, parameters: ReadonlyMap<string, Golden>): void {
  const ours = parametersOf(model);
  let written = 0;
  for (const [name, { data }] of parameters) {
    const { path, part, parts } = placeOf(name);
    const value = (ours.get(path) as Variable).value;
    const width = value.shape.length === 0 ? 1 : value.shape[value.shape.length - 1];
    const columns = width / parts;
    if (data.length * parts !== value.size) throw new Error(`big_vision: ${name} does not fit ${path}`);
    const out = value.data;
    data.forEach((x, i) => {
      out[Math.floor(i / columns) * width + part * columns + (i % columns)] = x;
    });
    written += data.length;
  }
  if (written !== countParameters(model)) {
    throw new Error(`big_vision: ${written} numbers for a model of ${countParameters(model)}`);
  }
}

/** Sizes as the json files give them. */
export interface BigVisionSizes {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly text_heads?: number;
  readonly mlp: number;
  readonly image: readonly [number, number];
  readonly patch: readonly [number, number];
  readonly vocab: number;
  readonly len: number;
  readonly batch: number;
}

/** A model of these sizes with the given parameters. */
export function bigVisionModel(
  sizes: BigVisionSizes,
  parameters: ReadonlyMap<string, Golden>,
  dtype: DType,
  change: (config: SigLipConfig) => SigLipConfig = (config) => config,
): SigLip {
  const { width, depth, mlp: mlpDim, heads, text_heads, image, patch, vocab, len } = sizes;
  const config: SigLipConfig = {
    image: {
      imageSize: image[0],
      patchSize: patch[0],
      width,
      depth,
      mlpDim,
      numHeads: heads,
      pooling: "map",
      posEmb: "learn",
    },
    text: { vocabSize: vocab, length: len, width, depth, mlpDim, numHeads: text_heads ?? heads, pooling: "last" },
    embedDim: width,
    temperatureInit: 10,
    biasInit: -10,
  };
  const model = new SigLip(new Rng(0), change(config), dtype);
  setParameters(model, parameters);
  return model;
}
