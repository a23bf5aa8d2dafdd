/** Records a training on rank 0: metrics, checkpoints, warnings, and reports to the main thread. */
import type { BatchRow, ModelSnapshot } from "../report/index.ts";
import type { Step } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import { ClippedSteps, healthMetrics } from "./healthMetrics.ts";
import { MetricsLog, readMetrics } from "./metrics.ts";
import { Saver, type SaverOptions } from "./saver.ts";
import type { Figures, Tested } from "./task.ts";
import { flopsOf, pendingOf, type Stored } from "./trainingState.ts";
import { TrainingWatch, type WatchedRun } from "./trainingWatch.ts";

/** A report from a device to the main thread during training. */
export type TrainReport =
  | StepReport
  | { readonly kind: "log"; readonly message: string }
  | ({ readonly kind: "begin" } & Beginning)
  /** The model after an evaluation. */
  | { readonly kind: "snapshot"; readonly snapshot: ModelSnapshot };

/** A step, and if it was tested R@1 or the accuracy on the first test set. */
interface StepReport {
  readonly kind: "step";
  readonly step: number;
  readonly loss: number;
  readonly t?: number;
  readonly b?: number;
  readonly accuracy?: number;
  readonly recall?: { readonly textToImage: number; readonly imageToText: number };
  readonly testAccuracy?: number;
}

/** What the report shows of a training before its first step. */
export interface Beginning {
  readonly parameters: number;
  readonly blindLoss: number;
  /** The first rows of the first batch. */
  readonly rows: readonly BatchRow[];
}

/** Least interval between two step reports: the main thread shares the cores with the devices. */
const REPORT_MS = 100;

export interface RecorderOptions extends Omit<SaverOptions, "log" | "minutes" | "say"> {
  /** The run folder. */
  readonly run: string;
  readonly config: Config;
  /** The loss, as far as warnings depend on it. */
  readonly loss: WatchedRun["loss"];
  /** Completed steps. */
  readonly first: number;
  /** The checkpoint of that step. */
  readonly stored?: Stored | undefined;
  readonly report: (report: TrainReport) => void;
}

/** Whether a step gets a line of metrics. */
export const isLogged = ({ log, train }: Config, step: number): boolean =>
  step % log.every === 0 || step === 1 || step === train.steps;

/** The recorder of one training. */
export class Recorder {
  readonly #run: string;
  readonly #config: Config;
  readonly #report: RecorderOptions["report"];
  readonly #log: MetricsLog;
  readonly #saver: Saver;
  readonly #watch: TrainingWatch;
  readonly #clipped: ClippedSteps;
  #flops: number;
  #saidGroups = false;
  #reported = Number.NEGATIVE_INFINITY;
  /** The last step of the training, before its test. */
  #last: StepReport | undefined;

  /** Throws `CheckpointError` if the next checkpoints would not fit on the disk. */
  constructor(options: RecorderOptions) {
    const { run, config, first, stored, report, ...saving } = options;
    this.#run = run;
    this.#config = config;
    this.#report = report;
    this.#flops = stored ? flopsOf(stored) : 0;
    this.#log = new MetricsLog(run, undefined, (warning) => this.#say(`warning: ${warning}`));
    const { minutes } = config.checkpoint;
    this.#saver = new Saver({ ...saving, log: this.#log, minutes, say: (message) => this.#say(message) });
    this.#watch = watchFrom(options);
    this.#clipped = new ClippedSteps(config.optim.clipNorm, stored && pendingOf(stored));
    if (first < config.train.steps) this.#saver.requireSpace();
  }

  /** Whether a checkpoint is due by time. */
  get saveIsDue(): boolean {
    return this.#saver.isDue;
  }

  /** Floating-point operations of all steps so far, in the matrix products; NaN if those of the first are unknown. */
  get flops(): number {
    return this.#flops;
  }

  /** Records a step; `tested`: a test after it, if any. */
  saw(seen: Step, learningRate: number, tested: Tested | undefined, last: boolean): void {
    const { step, loss, gradNorm, health } = seen;
    const own = ofObjective(seen);
    this.#saver.saw(loss);
    this.#clipped.saw(gradNorm);
    this.#flops += seen.flops;
    if (isLogged(this.#config, step)) {
      const counted = { clipped: this.#clipped.takeShare(), gflop: this.#flops / 1e9 };
      this.#log.append({
        step,
        loss,
        ...own,
        gradNorm,
        learningRate,
        ...counted,
        ...(health && healthMetrics(health)),
      });
    }
    if (tested) this.#log.append({ step, ...tested.figures });
    for (const sign of this.#watch.see(seen)) this.#say(`warning: ${sign}`);
    if (last || tested || performance.now() - this.#reported > REPORT_MS) {
      const report: StepReport = { kind: "step", step, loss, ...own };
      if (last) this.#last = report;
      this.#report({ ...report, ...(tested && testOf(tested.figures)) });
      if (tested) this.#report({ kind: "snapshot", snapshot: { step, ...tested.snapshot() } });
      this.#reported = performance.now();
    }
  }

  /** Notes the groups of the first rows of a batch; says once that some have the same text, and what the loss makes of them. */
  sawGroups(groups: Int32Array): void {
    if (this.#saidGroups || groups.every((group, row) => group === row)) return;
    this.#saidGroups = true;
    const { sameName } = this.#config.loss;
    const outcome = sameName === "positive" ? "counts as a positive" : "does not count";
    this.#say(
      `equal texts in a batch: an image with the same text of another row ${outcome} (loss.sameName ${sameName})`,
    );
  }

  /** Saves a checkpoint; says so once it is on the disk, unless the run was stopped, which is reported with it. */
  save(step: number, last: boolean): void {
    const isSaved = this.#saver.save(step, last, { pending: this.#clipped.pending, flops: this.#flops });
    if (isSaved && !(last && step < this.#config.train.steps)) this.#say(`checkpoint of step ${step} saved`);
  }

  /** Records a test at the end, unless the run ended before and was only evaluated again. */
  sawResult(tested: Figures & { readonly step: number }): void {
    if (this.#last) this.#report({ ...this.#last, ...testOf(tested) });
    const figures = Object.keys(tested);
    const isKnown = readMetrics(this.#run).rows.some(
      (row) => row.step === tested.step && figures.every((name) => name in row),
    );
    if (isKnown) return;
    this.#log.append(tested);
    this.#log.sync();
  }

  close(): void {
    this.#log.close();
  }

  #say(message: string): void {
    this.#report({ kind: "log", message });
  }
}

/** What only one objective reports: t and b of pairs, the accuracy of a classifier. */
const ofObjective = ({ t, b, accuracy }: Pick<Step, "t" | "b" | "accuracy">): Readonly<Record<string, number>> => ({
  ...(t === undefined || b === undefined ? {} : { t, b }),
  ...(accuracy === undefined ? {} : { accuracy }),
});

/** R@1 of a test, or the accuracy of a classifier. */
const testOf = (row: Figures): Pick<StepReport, "recall" | "testAccuracy"> =>
  "testAccuracy" in row
    ? { testAccuracy: row.testAccuracy }
    : { recall: { textToImage: row["textToImage.r1"], imageToText: row["imageToText.r1"] } };

/** A watch for the coming steps; that of a resumed run knows the run's first step. */
function watchFrom({ run, first, config, loss }: RecorderOptions): TrainingWatch {
  const watch = new TrainingWatch({ ...config.train, loss });
  const start = first > 0 ? readMetrics(run).rows.find(({ loss }) => loss !== undefined) : undefined;
  if (start) {
    const numbers = Object.fromEntries(Object.entries(start).map(([name, value]) => [name, Number(value)]));
    watch.see({ ...numbers, step: start.step, loss: numbers.loss });
  }
  return watch;
}
