/**
 * big_vision: one npz file of all parameters under the names of flax, `img/Transformer/encoderblock_0/LayerNorm_0/scale`.
 *
 * There is no configuration: sizes follow from shapes (bigVisionConfig.ts); GELU is the tanh form, ε is 1e-6, the last token is
 * pooled. Kernels stand as here, with the axis of heads split: a query kernel is [width, heads, width of a head].
 *
 * google-research/big_vision, models/vit.py and models/proj/image_text/
 */
import { FormatError, openNpz } from "../formats/index.ts";
import type { SigLipConfig } from "../siglip/index.ts";
import { readBigVision } from "./bigVisionConfig.ts";
import { zlib } from "./files.ts";
import type { Layout } from "./layout.ts";
import { asHere, type Place, type Table } from "./table.ts";

/** Scale and bias of a layer norm. */
const norm = (path: string, name: string): Table => ({
  [`${path}/scale`]: asHere(`${name}/scale`),
  [`${path}/bias`]: asHere(`${name}/bias`),
});

/** Kernel and bias of a dense layer. */
const dense = (path: string, name: string): Table => ({
  [`${path}/kernel`]: asHere(`${name}/kernel`),
  [`${path}/bias`]: asHere(`${name}/bias`),
});

/** Projections to heads, side by side here. */
function toHeads(path: string, heads: number, ...names: readonly string[]): Table {
  const place = (field: string, shape: NonNullable<Place["shape"]>): Place => ({
    names: names.map((name) => `${name}/${field}`),
    order: "rows",
    shape,
  });
  return {
    [`${path}/kernel`]: place("kernel", (rows, columns) => [rows, heads, columns / heads]),
    [`${path}/bias`]: place("bias", (_, columns) => [heads, columns / heads]),
  };
}

const fromHeads = (path: string, heads: number, name: string): Table => ({
  ...dense(path, name),
  [`${path}/kernel`]: asHere(`${name}/kernel`, (rows, columns) => [heads, rows / heads, columns]),
});

function encoder(path: string, name: string, heads: number): Table {
  const [ours, theirs] = [`${path}/blocks/*`, `${name}/encoderblock_*`];
  const attention = `${theirs}/MultiHeadDotProductAttention_0`;
  const parts = ["query", "key", "value"].map((part) => `${attention}/${part}`);
  return {
    ...norm(`${ours}/norm1`, `${theirs}/LayerNorm_0`),
    ...norm(`${ours}/norm2`, `${theirs}/LayerNorm_1`),
    ...toHeads(`${ours}/attention/qkv`, heads, ...parts),
    ...fromHeads(`${ours}/attention/out`, heads, `${attention}/out`),
    ...dense(`${ours}/mlp/dense1`, `${theirs}/MlpBlock_0/Dense_0`),
    ...dense(`${ours}/mlp/dense2`, `${theirs}/MlpBlock_0/Dense_1`),
    ...norm(`${path}/norm`, `${name}/encoder_norm`),
  };
}

function mapHead(path: string, name: string, heads: number): Table {
  const attention = `${name}/MultiHeadDotProductAttention_0`;
  return {
    [`${path}/probe`]: asHere(`${name}/probe`, (_, columns) => [1, 1, columns]),
    ...toHeads(`${path}/query`, heads, `${attention}/query`),
    ...toHeads(`${path}/keyValue`, heads, `${attention}/key`, `${attention}/value`),
    ...fromHeads(`${path}/out`, heads, `${attention}/out`),
    ...norm(`${path}/norm`, `${name}/LayerNorm_0`),
    ...dense(`${path}/mlp/dense1`, `${name}/MlpBlock_0/Dense_0`),
    ...dense(`${path}/mlp/dense2`, `${name}/MlpBlock_0/Dense_1`),
  };
}

const positions = (name: string): Place => asHere(name, (rows, columns) => [1, rows, columns]);

const table = ({ image, text }: SigLipConfig): Table => ({
  ...dense("image/patchEmbed/embed", "img/embedding"),
  "image/patchEmbed/embed/kernel": asHere("img/embedding/kernel", (_, columns) => [
    image.patchSize,
    image.patchSize,
    3,
    columns,
  ]),
  "image/posEmbedding": positions("img/pos_embedding"),
  "image/classToken": asHere("img/cls", (_, columns) => [1, 1, columns]),
  ...encoder("image/encoder", "img/Transformer", image.numHeads),
  ...mapHead("image/mapHead", "img/MAPHead_0", image.numHeads),
  ...dense("image/preLogits", "img/pre_logits"),
  ...dense("image/head", "img/head"),
  "text/embedding": asHere("txt/Embed_0/embedding"),
  "text/posEmbedding": positions("txt/pos_embedding"),
  ...encoder("text/encoder", "txt/Encoder_0", text.numHeads),
  ...mapHead("text/mapHead", "txt/MAPHead_0", text.numHeads),
  ...dense("text/head", "txt/head"),
  tPrime: asHere("t"),
  b: asHere("b"),
});

const isNpz = (name: string): boolean => name.endsWith(".npz");

/** The layout of big_vision. */
export const bigVision: Layout = {
  name: "big-vision",
  prefixes: { image: "img/", text: "txt/" },
  resampling: { rule: "zoom" },
  table,
  recognizes: (names) => [...names].some(isNpz),
  open(folder) {
    const found = [...folder.names].filter(isNpz);
    if (found.length > 1) {
      throw new FormatError("MODEL_LAYOUT", folder.path, 0, `${found.length} npz files; give the path of one`);
    }
    const file = folder.pathOf(found[0]);
    const bytes = folder.open(found[0]);
    try {
      const source = openNpz(bytes, zlib);
      return { source, file, close: bytes.close, ...readBigVision(source.entries, file) };
    } catch (error) {
      bytes.close();
      throw error;
    }
  },
};
