/** A trained model from its run folder, for the commands that only read. */
import type { Tokenizer } from "../data/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { buildModel } from "./build.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { requireFinite, restore, type Stored, tokenizerOf } from "./state.ts";

export interface OpenModel {
  readonly model: SigLip;
  readonly tokenizer: Tokenizer;
}

/** The newest whole checkpoint of a run. Throws `RunFolderError` when none was saved yet. */
export function openRunToRead(path: string): { readonly config: Config; readonly checkpoint: Checkpoint } {
  const { config, checkpoints } = readRun(path);
  const checkpoint = checkpoints.load();
  if (!checkpoint) throw new RunFolderError(`${path} holds no checkpoint yet; train it first`);
  for (const warning of checkpoint.warnings) process.stderr.write(`warning: ${warning}\n`);
  requireFinite(checkpoint, path, "model/");
  return { config, checkpoint };
}

/** The model that a checkpoint holds. */
export function modelOf(config: Config, stored: Stored): OpenModel {
  const tokenizer = tokenizerOf(stored);
  const model = buildModel(config, tokenizer.vocabSize);
  restore(stored, model);
  return { model, tokenizer };
}

/** The model of a run as it was saved last. */
export function openModel(path: string): OpenModel & { readonly config: Config } {
  const { config, checkpoint } = openRunToRead(path);
  return { config, ...modelOf(config, checkpoint) };
}

/** The probability that a picture and a text match, σ(t·x·y + b). */
export function pairProbability({ tPrime, b }: SigLip, score: number): number {
  return 1 / (1 + Math.exp(-(Math.exp(tPrime.value.item()) * score + b.value.item())));
}
