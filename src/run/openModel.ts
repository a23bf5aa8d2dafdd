/** Opens a trained model from its run folder, read-only. */

import { type Classifier, type SigLip, trainingLosses } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { buildClassifier, buildModel, type TrainedModel } from "./model.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { requireFinite, restore, type Stored, tokenizerOf } from "./trainingState.ts";

/** A trained model with its tokenizer. */
export interface OpenModel {
  readonly model: SigLip;
  readonly tokenizer: Tokenizer;
}

/** The newest intact checkpoint of a run; `warn` receives damaged newer ones. Throws `RunFolderError` if none was saved yet. */
export function openRunToRead(
  path: string,
  warn: (message: string) => void,
): { readonly config: Config; readonly checkpoint: Checkpoint } {
  const { config, checkpoints } = readRun(path);
  const checkpoint = checkpoints.load();
  if (!checkpoint) throw new RunFolderError(`${path} has no checkpoint yet; train it first`);
  for (const warning of checkpoint.warnings) warn(warning);
  requireFinite(checkpoint, path, "model/");
  return { config, checkpoint };
}

/** The model and tokenizer of a checkpoint. Throws `RunFolderError` for that of a classifier. */
export function modelOf(config: Config, stored: Stored): OpenModel {
  if (config.train.objective === "classify") {
    throw new RunFolderError(
      "this run trained an image tower on classes (train.objective=classify) and has no text tower; train one for it with train --preset emoji-siglit --init RUN",
    );
  }
  const tokenizer = tokenizerOf(stored);
  const model = buildModel(config, tokenizer.vocabSize);
  restore(stored, model);
  return { model, tokenizer };
}

/** The classifier of a checkpoint. */
export function classifierOf(config: Config, stored: Stored): Classifier {
  const [classes] = stored.tensors.get("model/head/bias")?.shape ?? [2];
  const model = buildClassifier(config, classes);
  restore(stored, model);
  return model;
}

/** The model of a checkpoint, to embed images with. */
export const imageModelOf = (config: Config, stored: Stored): TrainedModel =>
  config.train.objective === "classify" ? classifierOf(config, stored) : modelOf(config, stored).model;

/** The model of a run from its newest intact checkpoint. */
export function openModel(path: string, warn: (message: string) => void): OpenModel & { readonly config: Config } {
  const { config, checkpoint } = openRunToRead(path, warn);
  return { config, ...modelOf(config, checkpoint) };
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
export function meaningOf({ train }: Config, { tPrime, b }: SigLip, scores: readonly number[]): Meaning {
  const t = Math.exp(tPrime.value.item());
  const { probability } = trainingLosses[train.loss];
  if (probability) {
    const bias = b.value.item();
    return { name: "probability", values: scores.map((score) => probability(t * score + bias)) };
  }
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(t * (score - most))); // at most 1, no overflow
  const sum = powers.reduce((a, b) => a + b, 0);
  return { name: "share", values: powers.map((power) => power / sum) };
}
