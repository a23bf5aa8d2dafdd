/** A trained model from its run folder, for the commands that only read. */
import type { Tokenizer } from "../data/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { buildModel } from "./build.ts";
import type { Config } from "./config.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { restore, tokenizerOf } from "./state.ts";

export interface OpenModel {
  readonly config: Config;
  readonly model: SigLip;
  readonly tokenizer: Tokenizer;
  /** Training steps that it has seen. */
  readonly step: number;
}

const toStderr = (warning: string): void => {
  process.stderr.write(`warning: ${warning}\n`);
};

/** The newest whole checkpoint of a run. Throws `RunFolderError` when none was saved yet. */
export function openModel(path: string, warn: (warning: string) => void = toStderr): OpenModel {
  const { config, checkpoints } = readRun(path);
  const checkpoint = checkpoints.load();
  if (!checkpoint) throw new RunFolderError(`${path} holds no checkpoint yet; train it first`);
  for (const warning of checkpoint.warnings) warn(warning);
  const tokenizer = tokenizerOf(checkpoint);
  const model = buildModel(config, tokenizer.vocabSize);
  restore(checkpoint, model);
  return { config, model, tokenizer, step: checkpoint.step };
}

/** The probability that a picture and a text match, σ(t·x·y + b). */
export function pairProbability({ tPrime, b }: SigLip, score: number): number {
  return 1 / (1 + Math.exp(-(Math.exp(tPrime.value.item()) * score + b.value.item())));
}
