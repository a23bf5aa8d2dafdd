/**
 * The configuration of a file of big_vision, from the names and shapes of its arrays, and how it differs from the layout of today.
 *
 *   params/...                                      before every name, as in checkpoints of a training
 *   encoderblock/... [depth, ...]                   blocks stacked by a scan over layers
 *   Transformer/posembed_input/pos_embedding, probe, txt/Encoder_0/pos_embedding, cls with a position   old files
 *
 * The loaders of big_vision (vit.py `fix_old_checkpoints`, text_transformer.py) convert the same.
 */
import { FormatError, quote, type TensorEntry } from "../formats/index.ts";
import type { ImageTowerConfig, SigLipConfig, Size, TextTowerConfig } from "../siglip/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import type { OpenedModel } from "./layout.ts";
import { type Link, linkSize } from "./link.ts";

type Entries = ReadonlyMap<string, TensorEntry>;

const ATTENTION = "MultiHeadDotProductAttention_0";
const OLD_POSITIONS = "img/Transformer/posembed_input/pos_embedding";
const SECOND_POSITIONS = "txt/Encoder_0/pos_embedding";
const STACKED = /\/encoderblock_(\d+)\//;

/** Configuration and links of a file with these arrays. Throws `FormatError` if they are not those of a SigLIP model. */
export function readBigVision(entries: Entries, file: string): Required<Pick<OpenedModel, "config" | "adapt">> {
  const prefix = entries.has("params/b") || entries.has("params/t") ? "params/" : "";
  const arrays = new Shapes(entries, prefix, file);
  requireSigLip(arrays);
  const image = imageConfig(arrays);
  const text = textConfig(arrays);
  const embedDim = arrays.has("txt/head/kernel") ? arrays.of("txt/head/kernel", 2)[1] : text.width;
  const config: SigLipConfig = { image, text, embedDim, temperatureInit: 1, biasInit: 0 };
  return {
    config: checkedConfig(config, file),
    adapt: (links) =>
      links.flatMap((link) => adapted(link, arrays)).map((link) => ({ ...link, name: prefix + link.name })),
  };
}

/** Shapes of arrays by name without prefix. */
class Shapes {
  readonly #entries: Entries;
  readonly #prefix: string;
  readonly #file: string;

  constructor(entries: Entries, prefix: string, file: string) {
    this.#entries = entries;
    this.#prefix = prefix;
    this.#file = file;
  }

  has(name: string): boolean {
    return this.#entries.has(this.#prefix + name);
  }

  /** The shape of an array that must have so many axes. */
  of(name: string, axes: number): readonly number[] {
    const shape = this.#entries.get(this.#prefix + name)?.shape;
    if (shape === undefined) throw this.error("MODEL_MISMATCH", `${quote(this.#prefix + name)} is missing`);
    if (shape.length !== axes || shape.includes(0)) {
      throw this.error("MODEL_MISMATCH", `${quote(this.#prefix + name)} is [${shape}], expected ${axes} axes`);
    }
    return shape;
  }

  /** Names without the prefix; none that lack it. */
  names(): string[] {
    return [...this.#entries.keys()].flatMap((name) =>
      name.startsWith(this.#prefix) ? [name.slice(this.#prefix.length)] : [],
    );
  }

  error(code: "MODEL_CONFIG" | "MODEL_MISMATCH", detail: string): FormatError {
    return new FormatError(code, this.#file, 0, detail);
  }
}

/** Throws, with a name for what the file holds instead, if it is not SigLIP. */
function requireSigLip(arrays: Shapes): void {
  const names = arrays.names();
  const any = (start: string): boolean => names.some((name) => name.startsWith(start));
  const towers = any("img/") && any("txt/");
  if (towers && arrays.has("t") && arrays.has("b")) return;
  const found = (): string => {
    if (towers && arrays.has("t")) return "two towers without a bias b: CLIP or LiT, trained with softmax";
    if (any("Transformer/") && any("embedding/")) return "a vision transformer alone";
    return `arrays such as ${names.slice(0, 3).map(quote).join(", ")}`;
  };
  throw arrays.error("MODEL_CONFIG", `not SigLIP of big_vision (img/, txt/, t, b) but ${found()}`);
}

function encoderSize(arrays: Shapes, encoder: string, width: number): Size {
  const stacked = arrays.has(`${encoder}/encoderblock/LayerNorm_0/scale`);
  const block = stacked ? `${encoder}/encoderblock` : `${encoder}/encoderblock_0`;
  const axes = stacked ? 1 : 0;
  const numHeads = arrays.of(`${block}/${ATTENTION}/query/kernel`, 3 + axes)[1 + axes];
  const mlpDim = arrays.of(`${block}/MlpBlock_0/Dense_0/kernel`, 2 + axes)[1 + axes];
  const numbers = arrays.names().flatMap((name) => {
    const block = name.startsWith(`${encoder}/`) ? STACKED.exec(name)?.[1] : undefined;
    return block === undefined ? [] : [block];
  });
  const depth = stacked ? arrays.of(`${block}/LayerNorm_0/scale`, 2)[0] : new Set(numbers).size;
  return { width, depth, mlpDim, numHeads };
}

const positionsName = (arrays: Shapes): string => (arrays.has(OLD_POSITIONS) ? OLD_POSITIONS : "img/pos_embedding");

function imageConfig(arrays: Shapes): ImageTowerConfig {
  const [patchSize, , , width] = arrays.of("img/embedding/kernel", 4);
  const pooling = arrays.has("img/cls")
    ? "tok"
    : arrays.has("img/MAPHead_0/probe") || arrays.has("img/probe")
      ? "map"
      : undefined;
  if (pooling === undefined) {
    throw arrays.error(
      "MODEL_CONFIG",
      "an image tower without MAPHead_0 and cls: which pooling it has is not in the file",
    );
  }
  const tokens = arrays.of(positionsName(arrays), 3)[1];
  const side = Math.sqrt(joinsClassPosition(arrays) ? tokens - 1 : tokens);
  if (!Number.isInteger(side)) {
    throw arrays.error(
      "MODEL_CONFIG",
      `${tokens} positions of patches, which are not a square: the size of the images is not in the file`,
    );
  }
  const repSize = arrays.has("img/pre_logits/kernel") ? arrays.of("img/pre_logits/kernel", 2)[1] : 0;
  return {
    ...encoderSize(arrays, "img/Transformer", width),
    imageSize: side * patchSize,
    patchSize,
    pooling,
    posEmb: "learn",
    ...(repSize > 0 && { repSize }),
  };
}

/** Whether the class token has a position, the first: old files. */
function joinsClassPosition(arrays: Shapes): boolean {
  const tokens = arrays.of(positionsName(arrays), 3)[1];
  return arrays.has("img/cls") && !Number.isInteger(Math.sqrt(tokens));
}

function textConfig(arrays: Shapes): TextTowerConfig {
  const [vocabSize, width] = arrays.of("txt/Embed_0/embedding", 2);
  return {
    ...encoderSize(arrays, "txt/Encoder_0", width),
    vocabSize,
    length: arrays.of("txt/pos_embedding", 3)[1],
    pooling: arrays.has("txt/MAPHead_0/probe") ? "map" : "last",
    ...(!arrays.has("txt/head/kernel") && { head: false }),
  };
}

/** The links of this file in place of one of today's layout. */
function adapted(link: Link, arrays: Shapes): Link[] {
  const block = STACKED.exec(link.name);
  const stackedName = link.name.replace(STACKED, "/encoderblock/");
  if (block !== null && arrays.has(stackedName)) {
    const depth = arrays.of(stackedName, link.shape.length + 1)[0];
    const shape = [depth, ...link.shape];
    return [{ ...link, name: stackedName, shape, start: Number(block[1]) * linkSize(link) }];
  }
  if (link.name.startsWith("img/MAPHead_0/") && arrays.has("img/probe")) {
    return [{ ...link, name: link.name.replace("MAPHead_0/", "") }];
  }
  if (link.path === "text/posEmbedding" && arrays.has(SECOND_POSITIONS)) {
    return [link, { ...link, name: SECOND_POSITIONS, adds: true }];
  }
  const name = positionsName(arrays);
  const joined = joinsClassPosition(arrays);
  if (link.path === "image/posEmbedding") {
    if (!joined) return [{ ...link, name }];
    return [{ ...link, name, shape: [1, link.rows + 1, link.width], start: link.width }];
  }
  if (link.path === "image/classToken" && joined) {
    return [link, { ...link, name, shape: arrays.of(name, 3), start: 0, adds: true }];
  }
  return [link];
}
