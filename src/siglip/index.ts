/** Public API of `siglip`: configuration, towers, model, losses, training. */
export { NonFiniteError } from "../nn/index.ts";
export { ACTIVATION_BYTES, type Devices } from "./batchGradients.ts";
export type { PairBatch } from "./batchShards.ts";
export { chunkedSigmoidLoss } from "./chunkedLoss.ts";
export { argmax, type ClassBatch, type ClassLoss, classification, classLoss } from "./classification.ts";
export { Classifier, type ClassifierConfig } from "./classifier.ts";
export {
  CHANNELS,
  checkModel,
  gridOf,
  type ImageTowerConfig,
  logOddsBias,
  ModelConfigError,
  type SigLipConfig,
  type Size,
  sidesOf,
  type TextTowerConfig,
} from "./config.ts";
export { type FusedOptions, fusedSigmoidLoss, type LossGradients } from "./fusedLoss.ts";
export { fusedSoftmaxLoss } from "./fusedSoftmaxLoss.ts";
export type { BatchHealth, ByPart, EmbeddedRows, Health, Norms, PairHealth, Spread } from "./health.ts";
export { ImageTower } from "./imageTower.ts";
export { pairLogits, sigmoidLoss } from "./loss.ts";
export { checkLoss, type LossCheck } from "./lossCheck.ts";
export {
  type EmbeddedBatch,
  type LossForm,
  type LossName,
  lossForms,
  type SameName,
  trainingLosses,
} from "./lossForm.ts";
export {
  activationBytes,
  type Cut,
  classifierActivationBytes,
  classifierStepBytes,
  embeddingBytes,
  type ImageUse,
  stepBytes,
} from "./memory.ts";
export { SigLip } from "./model.ts";
export { groupsOfTokens, type NegativeChoice, withNegatives, withSameName } from "./negatives.ts";
export type { Objective } from "./objective.ts";
export { batchGradients, pairObjective } from "./pairObjective.ts";
export { classifierParameters, parameterCount } from "./parameterCount.ts";
export { softmaxLoss } from "./softmaxLoss.ts";
export { type TextParts, TextTower } from "./textTower.ts";
export {
  type ObjectiveTrainee,
  type ObjectiveTraining,
  type PairStepMetrics,
  type Step,
  type StepMetrics,
  type StepOptions,
  type Trainee,
  type Training,
  train,
  trainStep,
} from "./train.ts";
export { decodeVariant, SIZES, type Variant } from "./variants.ts";
export { type ViewTerms, withTwoViews } from "./views.ts";
