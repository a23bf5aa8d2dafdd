/** A small file of each format that models and tokenizers come in, to be damaged in every way. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { huggingFacePreprocessing, PreprocessError } from "../../src/data/index.ts";
import { isPreprocessSpec } from "../../src/data/preprocess/spec.ts";
import {
  FormatError,
  type JsonRecord,
  npzPieces,
  openNpz,
  openSafetensors,
  parseJson,
  readNpy,
  readSafetensorsIndex,
  readSentencePiece,
  type SafetensorsTensor,
  sizeOf,
  sourceOfBytes,
  type TensorSource,
  verifyShards,
  writeNpy,
  writeSafetensors,
  writeSentencePiece,
} from "../../src/formats/index.ts";
import { zlib } from "../../src/models/files.ts";
import { inspectModel, type LayoutName, saveModel } from "../../src/models/index.ts";
import { checkModel } from "../../src/siglip/index.ts";
import {
  sentencePieceTokenizer,
  type Tokenizer,
  TokenizerError,
  tokenizerJsonTokenizer,
} from "../../src/tokenizers/index.ts";
import { released } from "./released.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { tinyModel } from "./tinyModel.ts";

/** A file and its reader. */
export interface SmallFile {
  readonly good: Uint8Array;
  /** The numbers in the file as hexadecimal digits; of settings and tokenizers, that they keep their promises. */
  read(bytes: Uint8Array): string;
}

/** Whether a reader may refuse a file so. */
export const isTyped = (error: unknown): boolean =>
  error instanceof FormatError || error instanceof TokenizerError || error instanceof PreprocessError;

const utf8 = new TextEncoder();
const compact = (value: unknown): Uint8Array => utf8.encode(JSON.stringify(value));
const jsonOf = (path: string) => JSON.parse(readFileSync(released(path), "utf8"));

const TENSORS = new Map<string, SafetensorsTensor>([
  ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["bias", { dtype: "BF16", shape: [3], data: Uint16Array.of(0x3f80, 0x8000, 0x7fc1) }],
]);

const hex = ({ data }: SafetensorsTensor): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
const numbersIn = (source: TensorSource): string =>
  [...source.entries].map(([name, entry]) => hex(source.read(name, 0, sizeOf(entry)))).join("");

const npz = (good: Uint8Array): SmallFile => ({
  good,
  read: (bytes) => numbersIn(openNpz(sourceOfBytes(bytes, "m.npz"), zlib)),
});

/** Texts get ids of the tokenizer, or it is none. */
function idsInRange(tokenizer: Tokenizer): string {
  for (const text of ["", "a  b", "é🐱</s>"]) {
    const ids = tokenizer.encode(text, 8);
    if (ids.length !== 8 || !ids.every((id) => id >= 0 && id < tokenizer.vocabSize)) throw new Error(`ids ${ids}`);
  }
  return "ids below vocabSize";
}

/** A small tokenizer.json with every section that SigLIP's files have. */
const TOKENIZER_JSON = {
  added_tokens: [{ id: 0, content: "</s>", special: true }],
  normalizer: { type: "NFKC" },
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A" } }, { SpecialToken: { id: "</s>" } }],
    special_tokens: { "</s>": { ids: [0] } },
  },
  decoder: { type: "Metaspace" },
  model: {
    type: "Unigram",
    unk_id: 1,
    vocab: [
      ["</s>", 0],
      ["<unk>", 0],
      ["▁a", -1],
      ["b", -2.5],
      ["🐱", -3],
    ],
  },
};

/** Keys of configurations that change nothing here. */
const IGNORED = ["architectures", "torch_dtype", "bos_token_id", "eos_token_id", "pad_token_id", "preprocess_cfg"];

/** The configuration of a tiny model of a layout, beside its weights. */
function configOf(layout: LayoutName, name: string): SmallFile {
  const folder = join(temporaryFolder(), "model");
  saveModel(tinyModel(), folder, layout);
  const path = join(folder, name);
  return {
    good: compact(JSON.parse(readFileSync(path, "utf8"), (key, value) => (IGNORED.includes(key) ? undefined : value))),
    read(bytes) {
      writeFileSync(path, bytes);
      checkModel(inspectModel(folder).config);
      return "a configuration of a model";
    },
  };
}

/** Formats whose files are written to the disk with a model beside them, a millisecond each. */
export const SLOW: readonly string[] = ["config.json", "open_clip_config.json"];

/** Files by format; each is made in the test that uses it. */
export const SMALL_FILES: Readonly<Record<string, () => SmallFile>> = {
  safetensors: () => ({
    good: writeSafetensors(TENSORS, new Map([["format", "pt"]])),
    read: (bytes) => numbersIn(openSafetensors(sourceOfBytes(bytes, "m.safetensors"))),
  }),
  "safetensors index": () => {
    const shard = (name: string) => {
      const tensors = new Map([[name, TENSORS.get("bias")!]]);
      return openSafetensors(sourceOfBytes(writeSafetensors(tensors), name));
    };
    const shards = new Map(["a", "b"].map((name) => [`${name}.safetensors`, shard(name)]));
    return {
      good: compact({ metadata: { total_size: 12 }, weight_map: { a: "a.safetensors", b: "b.safetensors" } }),
      read(bytes) {
        const index = readSafetensorsIndex(bytes, "index.json");
        verifyShards(index, shards, "index.json");
        return JSON.stringify([...index.shards]);
      },
    };
  },
  npy: () => ({
    good: writeNpy("F32", [1, 2], Float32Array.of(1, 2)),
    read: (bytes) => hex(readNpy(bytes, "m.npy")),
  }),
  npz: () => {
    const { dtype, shape, data } = TENSORS.get("weight")!;
    const tensors = new Map(["a", "b/c"].map((name) => [name, { dtype, shape, numbers: () => data }]));
    return npz(Buffer.concat([...npzPieces(tensors, zlib)]));
  },
  "npz of NumPy": () => npz(readFileSync(released("numpy/arrays.npz"))),
  "deflated npz of NumPy": () => npz(readFileSync(released("numpy/arrays_compressed.npz"))),
  SentencePiece: () => {
    const model = readSentencePiece(readFileSync(released("hf/tiny/spiece.model")), "spiece.model");
    const charsmap = Uint8Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0x61, 0); // a trie of one node, a replacement
    const small = { ...model, pieces: model.pieces.slice(0, 8), normalizer: { ...model.normalizer, charsmap } };
    return {
      good: writeSentencePiece(small),
      read: (bytes) =>
        idsInRange(sentencePieceTokenizer(readSentencePiece(bytes, "m.model"), { cleaning: "siglip", pad: 1 })),
    };
  },
  "tokenizer.json": () => ({
    good: compact(TOKENIZER_JSON),
    read: (bytes) => {
      const file = parseJson(bytes, "tokenizer.json") as JsonRecord;
      return idsInRange(tokenizerJsonTokenizer(file, "tokenizer.json", { cleaning: "none", pad: 0 }));
    },
  }),
  "config.json": () => configOf("hugging-face", "config.json"),
  "open_clip_config.json": () => configOf("open-clip", "open_clip_config.json"),
  "preprocessor_config.json": () => ({
    good: compact(jsonOf("hf/tiny/preprocessor_config.json")),
    read: (bytes) => {
      const spec = huggingFacePreprocessing(parseJson(bytes, "preprocessor_config.json"), "preprocessor_config.json");
      if (!isPreprocessSpec(spec)) throw new Error(`${JSON.stringify(spec)} is none`);
      return "settings in range";
    },
  }),
};
