/** Public API of `run`: configurations, data sets, run folders, checkpoints, evaluation, trained models. */
export type { LayoutName } from "../models/index.ts";
export { BlendError, type BlendedModel, blendModels, saveBlend } from "./blend.ts";
export { type Checkpoint, CheckpointError, CheckpointFolder, parseSealed, sealedText, sha256 } from "./checkpoint.ts";
export { accuracyJson, accuracyTable } from "./classAccuracy.ts";
export {
  type Config,
  checkConfig,
  modelConfig,
  type Origin,
  resolveConfig,
} from "./config.ts";
export { ConfigError, type Problem } from "./configError.ts";
export { type ConfigKey, configKeys } from "./configKeys.ts";
export { convertModel } from "./convertModel.ts";
export {
  type Classes,
  checkBatch,
  type LabelledPictures,
  type Opening,
  type ProbeData,
  type TestOpening,
  type TestSet,
  type Tests,
  type TrainingData,
  type Vocabulary,
} from "./dataSet.ts";
export { openClasses, openProbe, openTests, openTraining, openVocabulary } from "./dataSets.ts";
export { describeModel, type ModelDescription } from "./describeModel.ts";
export { embedProgram, evalProgram, trainProgram, trialProgram } from "./devicePrograms.ts";
export { embedPictures, embedTexts, imageFeatures, type Pictures } from "./embed.ts";
export type { EmbedJob, EmbedReport } from "./embedDevice.ts";
export { EMBEDDING_ENDINGS, type Embedded, readTexts, writeEmbeddingFile } from "./embeddingFile.ts";
export { trims } from "./emojiData.ts";
export type { EvalJob, EvalResult } from "./evalDevice.ts";
export { type Evaluation, evaluationJson, evaluationTable } from "./evaluation.ts";
export { type FilesSplit, openedFiles, splitFiles } from "./filesData.ts";
export { isFolder } from "./filesOnDisk.ts";
export { type FilesUse, filesRecipe } from "./filesRecipe.ts";
export { type FilesSummary, filesSummaryText, summarizeFiles } from "./filesSummary.ts";
export { firstBatchPage } from "./firstBatch.ts";
export { type Fs, isSystemError, makeFolders, realFs, TEMPORARY, utf8, writeDurably } from "./fs.ts";
export { embedFiles, embedPrepared, type Gallery, PICTURE_NAME, picturesForDevices } from "./gallery.ts";
export { iconsFolder } from "./iconsData.ts";
export {
  EmbeddingsError,
  type Fingerprint,
  fingerprintOf,
  joinParts,
  missingParts,
  readEmbeddings,
  removeParts,
  writeEmbeddings,
} from "./imageEmbeddings.ts";
export { joined } from "./joined.ts";
export { unknownPictures } from "./knowledge.ts";
export { listRuns, newestRun, type RunSummary } from "./listRuns.ts";
export { LiveReport } from "./liveReport.ts";
export { loadTokenizer } from "./loadTokenizer.ts";
export { lockRun, RunLockedError } from "./lock.ts";
export { computeLoss } from "./loss/compute.ts";
export { checkGradientsFile, LossFileError, LossInputsError, readLossInputs, writeGradients } from "./loss/files.ts";
export type { FormName, LossInputs, LossJob, LossResult, LossShare } from "./loss/job.ts";
export { checkMemory, fitsOn, fittingShards, imageUse, remedyFor, rowShapeOf, runBytes } from "./memory.ts";
export { type Metrics, readMetrics, rewindMetrics } from "./metrics.ts";
export { buildModel, buildOptimizer, classifierConfig } from "./model.ts";
export { resultsOf } from "./modelSnapshot.ts";
export { settingsInVain } from "./objectiveConflicts.ts";
export { hasOldTests, testAfter, testBefore, writeOldTests } from "./oldTests.ts";
export { type Meaning, type OpenModel, openModel } from "./openModel.ts";
export type { PictureReader } from "./pictureReader.ts";
export { checkSchedule, checkSettings } from "./preflight.ts";
export { presetNames } from "./presets.ts";
export { type ComparedProbe, probeJson, probeTable } from "./probe.ts";
export { readAhead } from "./readAhead.ts";
export type { TrainReport } from "./recorder.ts";
export { compareRuns, reportRun } from "./reports.ts";
export { type OpenRun, onContents, openResumed, type ResumeOptions, writeChanges } from "./resume.ts";
export {
  checkRunPath,
  configDigest,
  createNextRun,
  createRun,
  embeddingsFile,
  type OwnedRunFolder,
  type RunFolder,
  RunFolderError,
  readRun,
  runFiles,
  runName,
} from "./runFolder.ts";
export { classifierOf, imageModelOf, modelOf, openRunToRead } from "./runModel.ts";
export { sessionOf } from "./runReport.ts";
export { showTime } from "./showTime.ts";
export {
  initialCheckpoint,
  keptTokenizer,
  openStartingWeights,
  requireFit,
  type StartingWeights,
} from "./startingWeights.ts";
export { checkTexts, countCut, cutTexts, cutTrainingTexts } from "./texts.ts";
export type { TrainJob, TrainResult } from "./trainDevice.ts";
export {
  firstNonFinite,
  metricsOf,
  type Stored,
  shared,
  tokenizerOf,
} from "./trainingState.ts";
export { trainingSeconds } from "./trial.ts";
export type { TrialJob, TrialResult } from "./trialDevice.ts";
