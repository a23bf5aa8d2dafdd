/**
 * `--init`: the weights that a new run starts from, of another run, of a model saved by `saveModel`, or released ones.
 *
 * A run takes all of them, or with train.lock=image or train.objective=classify only the image tower. They become its checkpoint of
 * step 0, so that it can be resumed without the folder that they came from.
 */

import { inspectModel, loadModel, savedTokenizer } from "../models/index.ts";
import { parametersOf } from "../nn/index.ts";
import { parameterCount, type SigLip, sidesOf } from "../siglip/index.ts";
import { sameShape, scope, show } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  type Config,
  ConfigError,
  checkConfig,
  configDifferences,
  modelConfig,
  type Origin,
  type Problem,
  startingFrom,
  takesTower,
} from "./config.ts";
import { buildClassifier, buildModel, buildOptimizer, type TrainedModel } from "./model.ts";
import { openModel } from "./openModel.ts";
import { RunFolderError } from "./runFolder.ts";
import { holdsWeights, openRunToRead } from "./runModel.ts";
import { checkpointOf, tokenizerOf } from "./trainingState.ts";
import { sha256OfWeights, type Weight, type Weights, weightsOf } from "./weights.ts";

/** The weights that a run starts from, with their tokenizer and the configuration of their model. */
export interface StartingWeights extends Origin {
  readonly path: string;
  readonly weights: Weights;
  /** The data of the run; undefined if they are no weights of a run. */
  readonly data?: Config["data"];
  /** Undefined if the model was saved without one. */
  readonly savedTokenizer: Tokenizer | undefined;
}

/**
 * Opens a run, at its newest intact checkpoint, a saved model, or released weights; `warn` receives damaged newer checkpoints. Throws
 * `RunFolderError` if the folder is none or holds no checkpoint, and the errors of `openModel` and `CheckpointFolder.load`.
 */
export function openStartingWeights(path: string, warn: (message: string) => void): StartingWeights {
  if (holdsWeights(path)) {
    const isOurs = inspectModel(path).layout === "siglip-ts";
    return isOurs ? fromSavedModel(path) : scope(() => fromReleased(path, warn));
  }
  const { config, checkpoint } = openRunToRead(path, warn);
  const { model, tokenizer, data } = config;
  const { trim, preprocess } = data;
  const seen = { model, tokenizer, trim, preprocess };
  return { ...startingWeights(path, seen, weightsOf(checkpoint), tokenizerOf(checkpoint)), data };
}

/** The least tokenizer.vocabSize, the tokens that may be learned; a saved tokenizer may have learned fewer. */
const LEAST_VOCABULARY = 300;

function fromSavedModel(path: string): StartingWeights {
  const { model } = loadModel(path);
  const tokenizer = savedTokenizer(path);
  if (model.tPrime.value.dtype !== "f32") {
    throw new RunFolderError(`--init ${path}: its weights are F64, and a run trains in F32; save an F32 model`);
  }
  const { image, text, embedDim, temperatureInit, biasInit, outputInit = "xavier" } = model.config;
  const { vocabSize, length, ...sizes } = text;
  const { kind = "bpe" } = tokenizer ?? {};
  const config = checkConfig({
    model: { image, text: sizes, embedDim, temperatureInit, biasInit, outputInit },
    tokenizer: {
      kind: kind === "bpe" || kind === "bytes" ? kind : "init",
      ...{ length, ...(kind === "bytes" ? {} : { vocabSize: Math.max(vocabSize, LEAST_VOCABULARY) }) },
    },
  });
  return startingWeights(path, { model: config.model, tokenizer: config.tokenizer }, copied(model), tokenizer);
}

/** The weights of a model, outside the heap. */
const copied = (model: SigLip): Map<string, Weight> =>
  new Map(
    [...parametersOf(model)].map(([name, { shape, value }]) => [
      name,
      { shape, data: Float32Array.from(value.data as Float32Array) },
    ]),
  );

/** Released weights: their images are prepared as they were, and their tokenizer is kept. */
function fromReleased(path: string, warn: (message: string) => void): StartingWeights {
  const opened = openModel(path, warn);
  const { image, text, embedDim, temperatureInit, biasInit } = opened.config;
  const { vocabSize: rows, length, head = true, ...sizes } = text;
  const [height, width] = sidesOf(image);
  if (height !== width || !head) {
    const what = head ? `images of ${height} × ${width} pixels` : "a text tower without a head";
    throw new RunFolderError(`--init ${path}: it has ${what}, which a run cannot train yet`);
  }
  const { tokenizer, pictures } = opened;
  const config = checkConfig({
    model: { image: { ...image, imageSize: height }, text: sizes, embedDim, temperatureInit, biasInit },
    tokenizer: { kind: "init", length, vocabSize: Math.max(tokenizer.vocabSize, LEAST_VOCABULARY) },
  });
  const weights = copied(opened.model);
  const table = weights.get("text/embedding")!;
  const columns = table.data.length / rows;
  // Rows that the tokenizer has no ids for are never read.
  const data = (table.data as Float32Array).slice(0, tokenizer.vocabSize * columns);
  weights.set("text/embedding", { shape: [tokenizer.vocabSize, columns], data });
  const seen = { model: config.model, tokenizer: config.tokenizer, preprocess: pictures.settings };
  return startingWeights(path, seen, weights, tokenizer);
}

const startingWeights = (
  path: string,
  seen: Omit<Origin, "sha256">,
  weights: Weights,
  savedTokenizer: Tokenizer | undefined,
): StartingWeights => ({
  ...{ path, ...seen, weights, savedTokenizer },
  sha256: { all: sha256OfWeights(weights), image: sha256OfWeights(weights, "image/") },
});

/** The tokenizer that a run keeps: that of its starting weights, unless it trains a new text tower. Throws `RunFolderError`. */
export function keptTokenizer(config: Config, { path, savedTokenizer }: StartingWeights): Tokenizer | undefined {
  if (takesTower(config)) return undefined;
  if (savedTokenizer) return savedTokenizer;
  throw new RunFolderError(
    `--init ${path}: the model was saved without its tokenizer, so its text tower cannot be trained on; save it with saveModel(model, folder, "siglip-ts", { tokenizer }), or use its image tower alone with --lock image`,
  );
}

/** Most parameters of a model that is built for a message. */
const MOST_SHOWN = 1e8;

/**
 * Throws `ConfigError` if settings contradict the model that a run starts from: which keys differ, and which weights would have
 * another name or shape.
 */
export function requireFit(config: Config, from: StartingWeights): void {
  requireTowers(config, from);
  const differing = configDifferences(startingFrom(from, config), config);
  if (differing.length === 0) return;
  const { total } = parameterCount(modelConfig(config, config.tokenizer.vocabSize));
  const weights =
    total > MOST_SHOWN ? [] : scope(() => misfits(newModel(config, textRows(config, from)), from, config));
  const more = weights.length > 3 ? `; and ${weights.length - 3} more` : "";
  const shown = weights.length > 0 ? ` (${weights.slice(0, 3).join("; ")}${more})` : "";
  throw new ConfigError(
    differing.map(({ key, from: has, to }, i): Problem => {
      const detail = `${key}: --init ${from.path} has ${has}, not ${to}${i === 0 ? shown : ""}; leave this setting out`;
      return { code: "CONFIG_COMBINATION", key, detail };
    }),
  );
}

/** Throws `ConfigError` if a run would take the text tower of a classifier, which has none. */
function requireTowers(config: Config, { path, weights }: StartingWeights): void {
  if (takesTower(config) || [...weights.keys()].some((name) => name.startsWith("text/"))) return;
  const what = "was trained on classes (train.objective=classify) and has no text tower";
  const detail = `--init ${path} ${what}; take its image tower with --lock image`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "--init", detail }]);
}

/** Enough to compare image towers. */
const FEWEST_CLASSES = 2;

/** A new model; `classes`: of a run that classifies. */
const newModel = (config: Config, vocabSize: number, classes = FEWEST_CLASSES): TrainedModel =>
  config.train.objective === "classify" ? buildClassifier(config, classes) : buildModel(config, vocabSize);

/** Rows of the token table: as in the starting weights, unless the setting is another. */
function textRows(config: Config, { tokenizer, weights }: StartingWeights): number {
  const { vocabSize } = config.tokenizer;
  const rows = weights.get("text/embedding")?.shape[0] ?? vocabSize;
  return vocabSize === tokenizer.vocabSize ? rows : vocabSize;
}

/** The paths that a run takes from its starting weights. */
const isTaken = (config: Config, path: string): boolean => !takesTower(config) || path.startsWith("image/");

/** In words: every weight that is missing, unknown or of another shape in the starting weights. */
function misfits(model: TrainedModel, { weights }: StartingWeights, config: Config): string[] {
  const wanted = parametersOf(model);
  const found: string[] = [];
  for (const [path, { shape }] of wanted) {
    if (!isTaken(config, path)) continue;
    const there = weights.get(path);
    if (!there) found.push(`${path} ${show(shape)} is missing there`);
    else if (!sameShape(there.shape, shape)) found.push(`${path} is ${show(there.shape)} there, not ${show(shape)}`);
  }
  for (const [path, { shape }] of weights) {
    if (isTaken(config, path) && !wanted.has(path)) found.push(`${path} ${show(shape)} is missing here`);
  }
  return found;
}

/**
 * The checkpoint of step 0: a new model with the starting weights, a new optimizer. `classes`: of a run that classifies, whose head
 * is new. Throws `RunFolderError` if the weights do not fit.
 */
export function initialCheckpoint(
  config: Config,
  from: StartingWeights,
  tokenizer: Tokenizer,
  classes?: number,
): Checkpoint {
  return scope(() => {
    const model = newModel(config, tokenizer.vocabSize, classes);
    const problems = misfits(model, from, config);
    if (problems.length > 0) throw new RunFolderError(`--init ${from.path} does not fit: ${problems.join("; ")}`);
    for (const [path, { value }] of parametersOf(model)) {
      if (isTaken(config, path)) value.data.set(from.weights.get(path)?.data as Float32Array);
    }
    return checkpointOf(0, model, buildOptimizer(config, model), tokenizer);
  });
}
