/** Public API of `eval`: retrieval, zero-shot classification, few-shot probes and calibration from embeddings. */
export { type Calibration, type CalibrationBin, type CalibrationOptions, calibration } from "./calibration.ts";
export { type Embeddings, type Neighbour, nearest } from "./embeddings.ts";
export { EvaluationError } from "./evaluationError.ts";
export {
  type FewShotAccuracy,
  type FewShotProbe,
  fewShotProbe,
  fitProbe,
  type LabelledFeatures,
  type Probe,
  probePredictions,
} from "./fewShot.ts";
export { type LanguageRetrieval, meanRecall, retrievalByLanguage } from "./languages.ts";
export { canonicalize, type Prompt, type PromptOptions, prompts } from "./prompts.ts";
export { chance, type Recall, type Retrieval, retrieval, retrievalOfScores } from "./retrieval.ts";
export { promptTemplates } from "./templates.ts";
export { type Accuracy, accuracy, classEmbeddings, type ZeroShot, zeroShot } from "./zeroShot.ts";
