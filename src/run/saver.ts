/**
 * Saves a run: what was measured first, then the checkpoint. A save that fails in the middle is a warning, since the next may
 * find room; the last one, or three in a row, end the run. Earlier checkpoints are whole whatever happens. What holds a number
 * that is NaN or infinite is never saved: the run ends, and can go on from an earlier checkpoint.
 */
import type { Tokenizer } from "../data/index.ts";
import { type AdamW, NonFiniteError } from "../nn/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { CheckpointError, type CheckpointFolder } from "./checkpoint.ts";
import { isSystemError } from "./fs.ts";
import type { MetricsLog } from "./metrics.ts";
import { checkpointOf, firstNonFinite, tensorsOf } from "./trainingState.ts";

const MOST_FAILURES = 3; // in a row

export interface SaverOptions {
  readonly checkpoints: CheckpointFolder;
  /** Of the configuration that the run belongs to. */
  readonly digest: string;
  readonly model: SigLip;
  readonly optimizer: AdamW;
  readonly tokenizer: Tokenizer;
  readonly log: MetricsLog;
  /** Minutes after which a save is due by time. */
  readonly minutes: number;
  /** Warnings for people. */
  readonly say: (message: string) => void;
  /** Milliseconds since whenever. */
  readonly now?: () => number;
}

export class Saver {
  readonly #options: SaverOptions;
  readonly #now: () => number;
  #failures = 0;
  /** When the last save was tried. */
  #tried: number;
  /** Of the steps since the last save. */
  #losses = { sum: 0, count: 0 };

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#tried = this.#now();
  }

  /** Throws `CheckpointError` when the checkpoints to come would not fit on the disk. */
  requireSpace(): void {
    const { checkpoints, model, optimizer } = this.#options;
    const bytes = [...tensorsOf(model, optimizer).values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    checkpoints.requireSpace(checkpoints.spaceNeeded(bytes));
  }

  /** Takes note of the loss of a step. */
  saw(loss: number): void {
    this.#losses.sum += loss;
    this.#losses.count++;
  }

  /** Whether so much time has passed since the last save that one is due. */
  get isDue(): boolean {
    return this.#now() - this.#tried >= this.#options.minutes * 60_000;
  }

  /** Returns whether the checkpoint is on the disk. */
  save(step: number, last: boolean): boolean {
    const { checkpoints, digest, model, optimizer, tokenizer, log, say } = this.#options;
    const bad = firstNonFinite(tensorsOf(model, optimizer));
    if (bad !== undefined) {
      throw new NonFiniteError(`train: ${bad} holds NaN or infinity after step ${step}; this step is not saved`);
    }
    try {
      const unwritten = log.sync();
      const { sum, count } = this.#losses;
      const trainLoss = count > 0 ? sum / count : undefined;
      const checkpoint = checkpointOf(step, model, optimizer, tokenizer, unwritten);
      const { warnings } = checkpoints.save({ ...checkpoint, trainLoss }, digest);
      for (const warning of warnings) say(`warning: ${warning}`);
      if (last && unwritten.length > 0) {
        say(
          `warning: ${unwritten.length} lines of metrics are in the checkpoint only; --resume puts them into their file`,
        );
      }
      this.#failures = 0;
      this.#losses = { sum: 0, count: 0 };
      return true;
    } catch (error) {
      this.#failures++;
      const isOfDisk = error instanceof CheckpointError || isSystemError(error);
      if (last || this.#failures >= MOST_FAILURES || !isOfDisk) throw error;
      say(`warning: ${error.message}; trying again at the next checkpoint`);
      return false;
    } finally {
      this.#tried = this.#now();
    }
  }
}
