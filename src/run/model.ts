/** Builds model, loss and optimizer from a run's configuration. */
import type { Variable } from "../autograd/index.ts";
import { freeze, type Optimizer, parametersOf } from "../nn/index.ts";
import {
  Classifier,
  type ClassifierConfig,
  type LossForm,
  logOddsBias,
  SigLip,
  trainingLosses,
  withNegatives,
  withSameName,
  withTwoViews,
} from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { type Config, modelConfig } from "./config.ts";
import { makeOptimizer } from "./optimizers.ts";

/** The loss that a run trains with. */
export function lossOf({
  train,
  loss: { views, negatives, ratio, sameName },
}: Pick<Config, "train" | "loss">): LossForm {
  const plain = trainingLosses[train.loss];
  const chosen = negatives === "all" ? plain : withNegatives(plain, negatives, ratio);
  const form = sameName === "negative" ? chosen : withSameName(chosen, sameName);
  return views === "1" ? form : withTwoViews(form, views);
}

/** What a run trains: a SigLIP, or with train.objective=classify a classifier. */
export type TrainedModel = SigLip | Classifier;

/** The parameters that a run trains: all that are not frozen, except b if the loss does not use it. */
function trainedParameters({ train }: Config, model: TrainedModel): Map<string, Variable> {
  const trained = new Map([...parametersOf(model)].filter(([, { requiresGrad }]) => requiresGrad));
  if (!trainingLosses[train.loss].usesBias) trained.delete("b");
  return trained;
}

/**
 * The smallest model with the paths of a run's: they depend on depths, pooling, position embeddings and on which layers there
 * are, not on widths.
 */
function smallestModel(config: Config): TrainedModel {
  const { image, text, embedDim } = config.model;
  const small = { mlpDim: 1, numHeads: 1 };
  const least = { width: 8, repSize: image.repSize === 0 ? 0 : 8 }; // 8: the least of sincos2d
  const projects = (image.repSize || image.width) !== embedDim; // the image tower has a projection only where it needs one
  const smallest = {
    ...config,
    model: {
      ...config.model,
      image: { ...image, ...small, ...least, imageSize: 1, patchSize: 1 },
      text: { ...text, ...small, width: 1, bottleneck: Math.min(text.bottleneck, 1) },
      embedDim: projects ? 1 : 8,
    },
  };
  return config.train.objective === "classify" ? buildClassifier(smallest, 2) : buildModel(smallest, 1);
}

/** The paths of the parameters that a run trains. */
export const trainedPaths = (config: Config): string[] => [...trainedParameters(config, smallestModel(config)).keys()];

/** The paths of all parameters, trained or frozen. */
export const allPaths = (config: Config): string[] => [
  ...parametersOf(smallestModel({ ...config, optim: { ...config.optim, frozen: [] } })).keys(),
];

/** The initial model: every parameter drawn from the run's seed; those of a locked tower and of `optim.frozen` are frozen. */
export function buildModel(config: Config, vocabSize: number): SigLip {
  const model = new SigLip(new Rng(config.train.seed).split("model"), modelConfig(config, vocabSize));
  freeze(parametersOf(model), [...(config.train.lock === "image" ? ["image/.*"] : []), ...config.optim.frozen]);
  return model;
}

/** The classifier that a run trains, for so many classes. */
export function classifierConfig({ model }: Config, classes: number): ClassifierConfig {
  const { image, embedDim, outputInit, biasInit } = model;
  return {
    ...{ image, embedDim, outputInit, classes },
    biasInit: biasInit === "log-odds" ? logOddsBias(classes) : biasInit,
  };
}

/** The initial classifier: its tower is that of the model of the same seed. */
export function buildClassifier(config: Config, classes: number): Classifier {
  const model = new Classifier(new Rng(config.train.seed).split("model"), classifierConfig(config, classes));
  freeze(parametersOf(model), config.optim.frozen);
  return model;
}

/** Paths that decay: `kernels` as in big_vision; `matrices`, all with two axes or more, as in open_clip. */
const DECAYED = { kernels: ".*/kernel", matrices: ".*/(kernel|embedding|posEmbedding|probe)" } as const;

/** The optimizer of a run over the trained parameters of a model. */
export function buildOptimizer(config: Config, model: TrainedModel): Optimizer {
  const { name, lr, weightDecay, decayed, clipNorm, multipliers } = config.optim;
  const shared = { lr, weightDecay, clipNorm, multipliers, decayed: DECAYED[decayed] };
  return makeOptimizer(name, trainedParameters(config, model), shared, config.optim);
}
