/**
 * Saves a run. A save that fails in the middle is a warning, since the next may find room; the last one, or three in a row,
 * end the run. Earlier checkpoints are whole whatever happens.
 */
import type { Tokenizer } from "../data/index.ts";
import type { AdamW } from "../nn/index.ts";
import type { SigLip } from "../siglip/index.ts";
import type { Checkpoint, CheckpointFolder } from "./checkpoint.ts";
import { isExpected } from "./exitCodes.ts";
import { checkpointOf } from "./state.ts";

const MOST_FAILURES = 3; // in a row

export interface SaverOptions {
  readonly checkpoints: CheckpointFolder;
  /** Of the configuration that the run belongs to. */
  readonly digest: string;
  readonly model: SigLip;
  readonly optimizer: AdamW;
  readonly tokenizer: Tokenizer;
  /** Warnings for people. */
  readonly say: (message: string) => void;
}

export class Saver {
  readonly #options: SaverOptions;
  #failures = 0;

  /** Throws `CheckpointError` when two checkpoints and the next one would not fit on the disk. */
  constructor(options: SaverOptions) {
    this.#options = options;
    options.checkpoints.requireSpace(3 * bytesOf(this.#checkpoint(0)));
  }

  save(step: number, last: boolean): void {
    const { checkpoints, digest, say } = this.#options;
    try {
      const { warnings } = checkpoints.save(this.#checkpoint(step), digest);
      for (const warning of warnings) say(`warning: ${warning}`);
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (last || this.#failures >= MOST_FAILURES || !isExpected(error)) throw error;
      say(`warning: ${error.message}; trying again at the next checkpoint`);
    }
  }

  #checkpoint(step: number): Checkpoint {
    const { model, optimizer, tokenizer } = this.#options;
    return checkpointOf(step, model, optimizer, tokenizer);
  }
}

const bytesOf = ({ tensors }: Checkpoint): number =>
  [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
