/** Folders of small models: a run, as `siglip train` leaves it, and one of another library. */
import { saveModel } from "../../../src/models/index.ts";
import { type Config, resolveConfig } from "../../../src/run/config.ts";
import { buildModel, buildOptimizer } from "../../../src/run/model.ts";
import { configDigest, createRun } from "../../../src/run/runFolder.ts";
import { checkpointOf } from "../../../src/run/trainingState.ts";
import type { SigLip } from "../../../src/siglip/index.ts";
import { type Tokenizer, trainBpe } from "../../../src/tokenizers/index.ts";
import { TINY, tinyModel } from "../../support/tinyModel.ts";

const SMALL = ["model.image.width=32", "model.text.width=16", "model.embedDim=24", "model.outputInit=xavier"];

/** Writes a run with checkpoints after 3 and 5 steps of no training; returns its model and tokenizer. */
export function saveRun(
  path: string,
  settings: readonly string[] = [],
): { config: Config; model: SigLip; tokenizer: Tokenizer } {
  const config = resolveConfig("emoji-paper", [...SMALL, ...settings]);
  const tokenizer = trainBpe(["brown bear", "red heart"], 300);
  const run = createRun(path, config, new Date(0));
  const model = buildModel(config, tokenizer.vocabSize);
  for (const step of [3, 5]) {
    model.b.value.data[0] = -step; // so that the newest checkpoint is known by it
    run.checkpoints.save(checkpointOf(step, model, buildOptimizer(config, model), tokenizer), configDigest(config));
  }
  run.release();
  return { config, model, tokenizer };
}

/** Writes a model of no training in the layout of Hugging Face. */
export function saveHuggingFace(path: string): void {
  const tokenizer = trainBpe(["brown bear", "red heart"], 300);
  const model = tinyModel("f32", { ...TINY, text: { ...TINY.text, vocabSize: tokenizer.vocabSize } });
  const images = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: "bicubic", antialias: true } as const;
  saveModel(model, path, "hugging-face", { tokenizer, images });
}
