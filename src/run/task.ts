/** What a run trains, as a value: its objective, its batches, and how it is tested. Pairs are in `pairTask.ts`, classes in `classTask.ts`. */
import type { Batch } from "../data/index.ts";
import type { Communicator } from "../parallel/index.ts";
import type { ModelSnapshot } from "../report/index.ts";
import type { Objective } from "../siglip/index.ts";
import type { Rng } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";
import type { TestOpening } from "./dataSet.ts";
import type { TrainedModel } from "./model.ts";
import type { WatchedRun } from "./trainingWatch.ts";

/** A task of a training. All devices call its functions at the same points of the training. */
export interface Task<B> {
  readonly model: TrainedModel;
  readonly objective: Objective<B>;
  /** The loss, as far as warnings depend on it. */
  readonly loss: WatchedRun["loss"];
  /** This device's batch, from the rows that were drawn and the random numbers of the step; `sawGroups` gets its equal texts. */
  batchOf(rows: Batch, rng: Rng, sawGroups: (groups: Int32Array) => void): B;
  /** A test on the first test set during training, for the report. Nothing is selected by it. */
  tested(): Tested;
  /** Tests the trained model; the result is rank 0's. `tested` gets the same figures of it as soon as they are known. */
  results(tested: (figures: Figures) => void): Promise<TaskResults | undefined>;
}

/** What the report shows of a model, but for its step. */
export type TaskSnapshot = Omit<ModelSnapshot, "step">;

/** A test. */
export interface Tested {
  readonly figures: Figures;
  /** For the report. */
  snapshot(): TaskSnapshot;
}

/** Figures of a test, by their name in a line of metrics. */
export type Figures = Readonly<Record<string, number>>;

/** What a task is opened with. */
export interface TaskOptions {
  readonly config: Config;
  readonly tokenizer: Tokenizer;
  readonly comm: Communicator;
  /** A heartbeat. */
  readonly alive: () => void;
  readonly opening: TestOpening;
}

/** The results of a task. */
export interface TaskResults {
  /** The table printed at the end. */
  readonly table: string;
  /** For the report. */
  readonly snapshot: TaskSnapshot;
}
