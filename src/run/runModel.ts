/** The model of a run, from its newest intact checkpoint. */

import type { SigLip } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { buildModel } from "./model.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { requireFinite, restore, type Stored, tokenizerOf } from "./trainingState.ts";

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

/** The model and tokenizer of a checkpoint. */
export function modelOf(config: Config, stored: Stored): { readonly model: SigLip; readonly tokenizer: Tokenizer } {
  const tokenizer = tokenizerOf(stored);
  const model = buildModel(config, tokenizer.vocabSize);
  restore(stored, model);
  return { model, tokenizer };
}
