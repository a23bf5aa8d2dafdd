/** The model of a run, from its newest intact checkpoint. */

import { readdirSync, statSync } from "node:fs";
import type { Classifier, SigLip } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { buildClassifier, buildModel, type TrainedModel } from "./model.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { requireFinite, restore, type Stored, tokenizerOf } from "./trainingState.ts";

/** The newest intact checkpoint of a run; `warn` receives damaged newer ones. Throws `RunFolderError` if none was saved yet. */
export function openRunToRead(
  path: string,
  warn: (message: string) => void,
): { readonly config: Config; readonly checkpoint: Checkpoint } {
  if (holdsWeights(path)) {
    const remedy = "use classify, search, or embed with --images or --texts";
    throw new RunFolderError(`${path} is a model without the data of its training, not a run: ${remedy}`);
  }
  const { config, checkpoints } = readRun(path);
  const checkpoint = checkpoints.load();
  if (!checkpoint) {
    const remedy = `wait for its first one, or resume it with train --resume --out ${path}`;
    throw new RunFolderError(`${path} has no checkpoint yet; ${remedy}`);
  }
  for (const warning of checkpoint.warnings) warn(warning);
  requireFinite(checkpoint, path, "model/");
  return { config, checkpoint };
}

/** Whether a path has weights of its own, saved here or released; those of a run are in its folder `checkpoint`. */
export function holdsWeights(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.isFile() === true;
  const names = readdirSync(path);
  return !names.includes("checkpoint") && names.some((name) => WEIGHTS.test(name));
}

/** Files of weights, or of a configuration whose weights may be missing. */
const WEIGHTS = /\.(safetensors|npz|bin|pt)$|^(open_clip_config|model|config|model\.safetensors\.index)\.json$/;

/** The model and tokenizer of a checkpoint. Throws `RunFolderError` for that of a classifier. */
export function modelOf(config: Config, stored: Stored): { readonly model: SigLip; readonly tokenizer: Tokenizer } {
  if (config.train.objective === "classify") {
    const data = config.data.name === "files" ? " --data PATH" : "";
    throw new RunFolderError(
      `this run trained an image tower on classes (train.objective=classify) and has no text tower; train one for it with train${data} --lock image --init RUN`,
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
