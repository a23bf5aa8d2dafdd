/** The data of a report. Rendering reads no file, no clock and no environment. */
import type { Calibration, FewShotAccuracy, Recall } from "../eval/index.ts";

/** Report data is inconsistent: a picture of the wrong size, a score matrix that is not square. */
export class ReportError extends Error {
  override readonly name = "ReportError";
}

/** A square picture: rgb [side, side, 3], 0..255. */
export interface Picture {
  readonly side: number;
  readonly rgb: Uint8Array;
}

/** Metrics of one training step, named as in `metrics.jsonl`; optional fields may not have been measured. */
export interface MetricRow {
  readonly step: number;
  readonly loss: number;
  /** Temperature exp(t'), not its logarithm; only of pairs. */
  readonly t?: number;
  readonly b?: number;
  /** Of a classifier, on the batch. */
  readonly accuracy?: number;
  readonly gradNorm?: number;
  readonly learningRate?: number;
  /** Share of the steps since the row before whose gradients were clipped. */
  readonly clipped?: number;
  /** GFLOP of all steps so far. */
  readonly gflop?: number;
  readonly "updateNorm.image"?: number;
  readonly "updateNorm.text"?: number;
  readonly "positives.min"?: number;
  readonly "positives.mean"?: number;
  readonly "positives.max"?: number;
  readonly "negatives.min"?: number;
  readonly "negatives.mean"?: number;
  readonly "negatives.max"?: number;
  readonly "embeddingNorm.image"?: number;
  readonly "embeddingNorm.text"?: number;
}

/** Recall, or the accuracy of a classifier, on the first test set at a training step. */
export interface EvaluationRow {
  readonly step: number;
  readonly recall?: readonly Recall[];
  readonly accuracy?: number;
  /** R@1 of text → picture in a sample of the training pictures, and in one of as many test pictures. */
  readonly sample?: { readonly train: number; readonly test: number };
}

/** When a step was completed. */
export interface TimeRow {
  readonly step: number;
  /** Seconds of training so far, without the time between an interruption and its continuation. */
  readonly seconds: number;
  /** Whether the training started, or was resumed, since the row before: then the time between them is not that of steps. */
  readonly isFirst: boolean;
}

/** What a run measured. */
export interface RunCurves {
  /** Distinguishes runs: the name of the folder. */
  readonly name: string;
  /** The lowest loss of a model that gives all pairs, or all pictures, the same logits, if it is known. */
  readonly blindLoss?: number;
  /** Whether the loss uses the bias b. */
  readonly usesBias: boolean;
  /** Pairs in a step, over all devices. */
  readonly batch: number;
  /** Gradients with a larger norm were scaled down to this norm. */
  readonly clipNorm: number;
  readonly metrics: readonly MetricRow[];
  readonly evaluations: readonly EvaluationRow[];
  /** In order; empty if nobody took the time. */
  readonly times: readonly TimeRow[];
}

/** Recall on one test set: of the model first, then of the baselines. */
export interface ResultTable {
  readonly title: string;
  readonly images: number;
  readonly texts: number;
  /** `only`: the one direction for which this baseline is defined. */
  readonly rows: readonly {
    readonly name: string;
    readonly recall: readonly Recall[];
    readonly only?: "imageToText";
  }[];
}

/** Recall in one language. */
export interface LanguageRow {
  /** "zh" */
  readonly language: string;
  /** "Chinese" */
  readonly name: string;
  /** "中文" */
  readonly ownName: string;
  /** "Han" */
  readonly script: string;
  /** Whether training saw it. */
  readonly trained: boolean;
  readonly recall: readonly Recall[];
}

/** Mean recall over some languages. */
export interface LanguageMean {
  /** "Latin" */
  readonly name: string;
  readonly languages: number;
  readonly recall: readonly Recall[];
}

/** Recall by language, the languages of a script one after the other. */
export interface LanguageTable {
  readonly rows: readonly LanguageRow[];
  readonly means: readonly LanguageMean[];
}

/** Accuracy of the few-shot probe of the image tower. */
export interface ProbeTable {
  /** What is classified in which images. */
  readonly title: string;
  readonly classes: readonly string[];
  /** Images tested. */
  readonly images: number;
  readonly model: readonly FewShotAccuracy[];
}

/** Accuracy of a classifier on one test set. */
export interface AccuracyTable {
  /** What is classified in which images. */
  readonly title: string;
  readonly classes: number;
  readonly images: number;
  /** Share of the images whose class has the highest logit. */
  readonly accuracy: number;
  /** The same of a classifier that always names the most frequent class of these images. */
  readonly mostFrequent: number;
}

/** n pairs: names[i] belongs to pictures[i]; scores [n, n] row-major holds x·y of text i (row) and picture j (column). */
export interface SimilaritySample {
  readonly names: readonly string[];
  /** The language of each name, if known. */
  readonly languages?: readonly string[];
  readonly pictures: readonly Picture[];
  readonly scores: ArrayLike<number>;
}

/** A picture scored against a query. */
export interface Candidate {
  readonly name: string;
  readonly picture: Picture;
  /** x·y with the query. */
  readonly score: number;
  readonly right: boolean;
}

/** A text, its highest-scoring pictures, and the right picture with its rank (1 is best). */
export interface SheetQuery {
  readonly text: string;
  /** The language of the text, if known. */
  readonly language?: string;
  readonly top: readonly Candidate[];
  readonly expected: Candidate;
  readonly rank: number;
}

/** A row of a batch as the model sees it. */
export interface BatchRow {
  /** One picture, or two views of it. */
  readonly pictures: readonly Picture[];
  /** The text, cut into its tokens. */
  readonly tokens: readonly string[];
}

/** What a run is doing, or how it ended. */
export interface RunStatus {
  /** A page of a running training renews itself. */
  readonly isRunning: boolean;
  /** A sentence. */
  readonly text: string;
}

/** What a model does after some step: all of it may be empty, while nothing has been evaluated yet. */
export interface ModelSnapshot {
  /** Steps of training behind it. */
  readonly step: number;
  readonly results: readonly ResultTable[];
  /** Of a classifier, in place of retrieval. */
  readonly accuracies?: readonly AccuracyTable[];
  /** Of the first table's test set; only with several languages. */
  readonly languages?: LanguageTable;
  /** Of the first table's test set; absent for a loss that gives pairs no probability. */
  readonly calibration?: Calibration;
  readonly probe?: ProbeTable;
  readonly sample: SimilaritySample;
  /** Temperature and bias of the model; b is absent if the loss does not use it, both of a classifier. */
  readonly t?: number;
  readonly b?: number;
  readonly sheet: readonly SheetQuery[];
}

/** All that the report of one run shows. */
export interface ReportData extends RunCurves, ModelSnapshot {
  readonly status: RunStatus;
  /** Signs that the training does not work. */
  readonly warnings: readonly string[];
  /** What was trained, as a sentence. */
  readonly lead: string;
  /** What the loss asks, as a sentence. */
  readonly lossSummary: string;
  /** The first rows of the first batch. */
  readonly firstBatch: readonly BatchRow[];
  /** The probability that a pair with score x·y matches; absent for a loss that only compares pairs. */
  readonly probability?: (score: number) => number;
  /** Facts of the run as text: parameters, duration, machine, ... */
  readonly facts: Readonly<Record<string, string>>;
  readonly config: unknown;
  readonly versions: Readonly<Record<string, string>>;
}

/** One of several runs that are compared. */
export interface ComparedRun extends RunCurves {
  readonly status: RunStatus;
  readonly warnings: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
}

/** All that a comparison of runs shows. */
export interface ComparisonData {
  /** At most eight, since there are no more colours. */
  readonly runs: readonly ComparedRun[];
  /** The keys of the configuration in which they differ, each with a value for every run. */
  readonly differences: readonly { readonly key: string; readonly values: readonly string[] }[];
}
