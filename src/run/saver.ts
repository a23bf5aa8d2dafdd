/**
 * Saves a run: first the measurements, then the checkpoint. A failed save is a warning, since the next may find room; a
 * failure of the last save, or three in a row, end the run. Earlier checkpoints stay intact in any case. NaN and infinity
 * are never saved: the run ends, and can be resumed from an earlier checkpoint.
 */

import { NonFiniteError, type Optimizer } from "../nn/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { CheckpointError, type CheckpointFolder } from "./checkpoint.ts";
import { isSystemError } from "./fs.ts";
import type { MetricsLog } from "./metrics.ts";
import type { TrainedModel } from "./model.ts";
import { type Counted, checkpointOf, firstNonFinite, tensorsOf } from "./trainingState.ts";

const MOST_FAILURES = 3; // in a row

export interface SaverOptions {
  readonly checkpoints: CheckpointFolder;
  /** Digest of the run's configuration. */
  readonly digest: string;
  readonly model: TrainedModel;
  readonly optimizer: Optimizer;
  readonly tokenizer: Tokenizer;
  readonly log: MetricsLog;
  /** Minutes after which a save is due by time. */
  readonly minutes: number;
  /** Warnings for people. */
  readonly say: (message: string) => void;
  /** A clock in milliseconds; for tests. */
  readonly now?: () => number;
}

export class Saver {
  readonly #options: SaverOptions;
  readonly #now: () => number;
  #failures = 0;
  /** Time of the last attempt to save. */
  #tried: number;
  /** Losses of the steps since the last save. */
  #losses = { sum: 0, count: 0 };

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#tried = this.#now();
  }

  /** Throws `CheckpointError` if the next checkpoints would not fit on the disk. */
  requireSpace(): void {
    const { checkpoints, model, optimizer } = this.#options;
    const bytes = [...tensorsOf(model, optimizer).values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    checkpoints.requireSpace(checkpoints.spaceNeeded(bytes));
  }

  /** Records the loss of a step. */
  saw(loss: number): void {
    this.#losses.sum += loss;
    this.#losses.count++;
  }

  /** Whether a save is due by time. */
  get isDue(): boolean {
    return this.#now() - this.#tried >= this.#options.minutes * 60_000;
  }

  /** Saves a checkpoint; returns whether it is on the disk. */
  save(step: number, last: boolean, counted?: Counted): boolean {
    const { checkpoints, digest, model, optimizer, tokenizer, log, say } = this.#options;
    const bad = firstNonFinite(tensorsOf(model, optimizer));
    if (bad !== undefined) {
      throw new NonFiniteError(`train: ${bad} holds NaN or infinity after step ${step}; this step is not saved`);
    }
    try {
      const unwritten = log.sync();
      const { sum, count } = this.#losses;
      const trainLoss = count > 0 ? sum / count : undefined;
      const checkpoint = checkpointOf(step, model, optimizer, tokenizer, unwritten, counted);
      const { warnings } = checkpoints.save({ ...checkpoint, trainLoss }, digest);
      for (const warning of warnings) say(`warning: ${warning}`);
      if (last && unwritten.length > 0) {
        say(
          `warning: ${unwritten.length} lines of metrics are only in the checkpoint; --resume writes them to metrics.jsonl`,
        );
      }
      this.#failures = 0;
      this.#losses = { sum: 0, count: 0 };
      return true;
    } catch (error) {
      this.#failures++;
      const isOfDisk = error instanceof CheckpointError || isSystemError(error);
      if (last || this.#failures >= MOST_FAILURES || !isOfDisk) throw error;
      say(`warning: ${error.message}; the next checkpoint tries again`);
      return false;
    } finally {
      this.#tried = this.#now();
    }
  }
}
