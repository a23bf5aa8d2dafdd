/** From a run's configuration to its model, optimizer and schedule. */
import { AdamW, durationInSteps, parametersOf, schedule } from "../nn/index.ts";
import { SigLip } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { type Config, modelConfig } from "./config.ts";

/** A model as it starts: every parameter drawn from the run's seed. */
export const buildModel = (config: Config, vocabSize: number): SigLip =>
  new SigLip(new Rng(config.train.seed).split("model"), modelConfig(config, vocabSize));

/** Paths that decay: as in big_vision, or everything of two axes or more, as in open_clip. */
const DECAYED = { kernels: ".*/kernel", matrices: ".*/(kernel|embedding|posEmbedding|probe)" } as const;

export function buildOptimizer(config: Config, model: SigLip): AdamW {
  const trained = parametersOf(model);
  if (config.train.loss === "softmax") trained.delete("b"); // no bias takes part in that loss
  return new AdamW(trained, { ...config.optim, decayed: DECAYED[config.optim.decayed] });
}

export function buildSchedule({ optim, train }: Config, stepsPerEpoch: number): (step: number) => number {
  const run = { steps: train.steps, batch: train.batch, stepsPerEpoch };
  return schedule({
    kind: optim.schedule,
    total: train.steps,
    warmup: durationInSteps(optim.warmup, run),
    cooldown: durationInSteps(optim.cooldown, run),
  });
}
