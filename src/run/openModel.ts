/** One way to open a trained model: of a run, saved here, or released weights. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { l2Normalize, type Variable } from "../autograd/index.ts";
import { inspectModel, type LayoutName, loadModel, loadTower } from "../models/index.ts";
import {
  type ImageTower,
  type LossName,
  type SigLip,
  type SigLipConfig,
  type TextTower,
  trainingLosses,
} from "../siglip/index.ts";
import { collect, type Tensor } from "../tensor/index.ts";
import { type Tokenizer, TokenizerError } from "../tokenizers/index.ts";
import { sha256 } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { loadTokenizer, statedLength } from "./loadTokenizer.ts";
import { type PictureReader, picturesFor, runPictures } from "./pictureReader.ts";
import { RunFolderError } from "./runFolder.ts";
import { holdsWeights, modelOf, openRunToRead } from "./runModel.ts";
import { sha256OfWeights, weightsOf } from "./weights.ts";

/**
 * A trained model ready for use. It embeds images and texts in place of a `SigLip`; of released weights it reads a tower, or the
 * tokenizer, when it is first needed.
 */
export interface OpenModel {
  readonly path: string;
  /** A run, or the layout of saved or released weights. */
  readonly origin: "run" | LayoutName;
  readonly config: SigLipConfig;
  /** d, the width of an embedding. */
  readonly embedDim: number;
  /** t = exp(t′). */
  readonly t: number;
  readonly b: number;
  /** Unit embeddings [B, d] of prepared images. */
  embedImages(images: Tensor): Variable;
  /** Unit embeddings [B, d] of token ids, B rows of `textLength`. */
  embedTexts(ids: Int32Array): Variable;
  /** The whole model, for its parameters: both towers are read. */
  readonly model: SigLip;
  readonly tokenizer: Tokenizer;
  readonly textLength: number;
  readonly pictures: PictureReader;
  /** What scores of one image or text with its candidates mean. */
  meaning(scores: readonly number[]): Meaning;
  /** Identity of weights, tokenizer and preparation: SHA-256 in hex, for indexes and caches. Reads all weights. */
  readonly fingerprint: string;
  /** The configuration of the training, if it is a run. */
  readonly run?: Config;
}

/**
 * Opens a model of any origin; `warn` receives what is doubtful about it. Throws `RunFolderError` if there is none, and the errors of
 * its reader: `FormatError`, `CheckpointError`, `TokenizerError`, `PreprocessError`.
 */
export function openModel(path: string, warn: (message: string) => void = console.warn): OpenModel {
  if (!existsSync(path)) {
    throw new RunFolderError(`${path} does not exist; give a run, a saved model, or released weights`);
  }
  if (holdsWeights(path)) return openWeights(path, warn);
  return openRun(path, warn);
}

/** What an open model is made of; what takes time is computed when it is first asked for. */
interface Parts extends Pick<OpenModel, "path" | "origin" | "config" | "t" | "b" | "run"> {
  readonly loss: LossName;
  readonly image: () => Pick<ImageTower, "forward">;
  readonly text: () => Pick<TextTower, "forward">;
  readonly model: () => SigLip;
  readonly tokenizer: () => Tokenizer;
  readonly pictures: () => PictureReader;
  /** Identity of weights and tokenizer. */
  readonly identity: () => string;
}

function opened(parts: Parts): OpenModel {
  const { path, origin, config, t, b, run, loss } = parts;
  const [image, text, model] = [once(parts.image), once(parts.text), once(parts.model)];
  const [tokenizer, pictures, identity] = [once(parts.tokenizer), once(parts.pictures), once(parts.identity)];
  return {
    ...{ path, origin, config, embedDim: config.embedDim, textLength: config.text.length, t, b },
    ...(run && { run }),
    embedImages: (images) => l2Normalize(image().forward(images)),
    embedTexts: (ids) => l2Normalize(text().forward(ids)),
    get model() {
      return model();
    },
    get tokenizer() {
      return fitting(tokenizer(), config, path);
    },
    get pictures() {
      return pictures();
    },
    meaning: (scores) => meaningOf(loss, { t, b }, scores),
    get fingerprint() {
      return sha256(JSON.stringify([identity(), config, pictures().settings]));
    },
  };
}

/** The result of the first call, for all calls: tensors in it outlive the scope of that call. */
function once<T>(make: () => T): () => T {
  let first: { readonly result: T } | undefined;
  return () => {
    if (!first) {
      const { result, made } = collect(make);
      for (const storage of made) storage.escape();
      first = { result };
    }
    return first.result;
  };
}

/** Throws `TokenizerError` if a tokenizer has more ids than the model has rows: it is another model's. */
function fitting(tokenizer: Tokenizer, { text }: SigLipConfig, path: string): Tokenizer {
  if (tokenizer.vocabSize <= text.vocabSize) return tokenizer;
  const sizes = `${tokenizer.vocabSize} ids, and the model has ${text.vocabSize} rows of tokens`;
  throw new TokenizerError(`${path}: the tokenizer has ${sizes}; it belongs to another model`);
}

/** A model that is in memory. */
const loaded = (path: string, model: SigLip) => ({
  path,
  config: model.config,
  t: Math.exp(model.tPrime.value.item()),
  b: model.b.value.item(),
  image: () => model.image,
  text: () => model.text,
  model: () => model,
});

function openRun(path: string, warn: (message: string) => void): OpenModel {
  const { config, checkpoint } = openRunToRead(path, warn);
  const { model, tokenizer } = modelOf(config, checkpoint);
  return opened({
    ...loaded(path, model),
    ...{ origin: "run", run: config, loss: config.train.loss },
    tokenizer: () => tokenizer,
    pictures: () => runPictures(config, model.config),
    identity: () => JSON.stringify([sha256OfWeights(weightsOf(checkpoint)), tokenizer.toJSON()]),
  });
}

function openWeights(path: string, warn: (message: string) => void): OpenModel {
  const { layout, folder, config, tPrime, b } = inspectModel(path);
  if (layout === "hugging-face" && (config.image.gelu === "erf" || config.text.gelu === "erf")) {
    warn(`${path}: hidden_act is gelu, the exact form; weights of SigLIP were trained with gelu_pytorch_tanh`);
  }
  const checked = <T extends { readonly nonFinite: number }>(read: T): T => {
    if (read.nonFinite > 0) warn(`${path}: ${read.nonFinite} numbers are NaN or infinite; the file is damaged`);
    return read;
  };
  const f32 = { dtype: "f32" } as const; // images are
  return opened({
    ...{ path, origin: layout, config, t: Math.exp(tPrime), b, loss: "sigmoid" },
    image: () => checked(loadTower(path, "image", f32)).tower,
    text: () => checked(loadTower(path, "text", { ...f32, onDemand: true })).tower,
    model: () => checked(loadModel(path, f32)).model,
    tokenizer: () => {
      const stated = statedLength(folder);
      if (stated !== undefined && stated !== config.text.length) {
        const lengths = `${stated} tokens, but the model was trained on ${config.text.length}`;
        warn(`${folder}: tokenizer_config.json says texts of ${lengths}, to which all are padded or cut`);
      }
      return loadTokenizer(folder, warn);
    },
    pictures: () => picturesFor(folder, layout, config, warn),
    identity: () => sha256OfFiles(filesOf(path, folder)),
  });
}

/** The files that a model may depend on: weights, settings and tokenizers in its folder; of several npz files the one that is opened. */
const filesOf = (path: string, folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.(safetensors|npz|json|model)$|^preprocess\.txt$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => !file.endsWith(".npz") || folder === path || file === path)
    .sort();

/** SHA-256 of the contents of files, read in pieces. */
function sha256OfFiles(paths: readonly string[]): string {
  const piece = new Uint8Array(2 ** 22);
  const hashes = paths.map((path) => {
    const hash = createHash("sha256");
    const file = openSync(path, "r");
    try {
      for (let read = readSync(file, piece); read > 0; read = readSync(file, piece))
        hash.update(piece.subarray(0, read));
    } finally {
      closeSync(file);
    }
    return hash.digest("hex");
  });
  return sha256(hashes.join());
}

/** The scores of one image or text with its candidates, as probabilities or shares. */
export interface Meaning {
  readonly name: "probability" | "share";
  readonly values: readonly number[];
}

/**
 * Interprets scores x·y. After a loss that gives probabilities: the probability of each pair by itself. After a loss that only
 * compares pairs: the share of each among all candidates, softmax(t·x·y), whose sum is 1 even if none fits.
 */
function meaningOf(loss: LossName, { t, b }: Pick<OpenModel, "t" | "b">, scores: readonly number[]): Meaning {
  const { probability } = trainingLosses[loss];
  if (probability) return { name: "probability", values: scores.map((score) => probability(t * score + b)) };
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(t * (score - most))); // at most 1, no overflow
  const sum = powers.reduce((a, b) => a + b, 0);
  return { name: "share", values: powers.map((power) => power / sum) };
}
