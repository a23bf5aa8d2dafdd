/** The right training and the one with the fault under the user's hand: what runs, and what it has reported. Draws nothing. */
import { type BrowserDevices, launchBrowser } from "../../src/parallel/launchBrowser.ts";
import { loadAtlas } from "../atlas/load.ts";
import { startWorker, type WorkerConfig } from "../startWorker.ts";
import type { Report } from "./messages.ts";
import { type FaultState, isFinished, type LossName, noProgress, type Progress, receive } from "./state.ts";

/** A training and what it has reported. */
interface Run {
  readonly progress: Progress;
  readonly devices: Promise<BrowserDevices<never>>;
}

const finished = (run: Run | undefined): boolean => run !== undefined && isFinished(run.progress);

export class FaultControl {
  state: FaultState;
  /** What went wrong; empty if nothing did. */
  failure = "";
  readonly #changed: () => void;
  readonly #runs: { right?: Run | undefined; fault?: Run | undefined } = {};

  /** `changed` is called after every report and every error. */
  constructor(state: FaultState, changed: () => void) {
    this.state = state;
    this.#changed = changed;
  }

  get progress(): readonly [right: Progress, fault: Progress] {
    const { right, fault } = this.#runs;
    return [right?.progress ?? noProgress(), fault?.progress ?? noProgress()];
  }

  get isRunning(): boolean {
    return [this.#runs.right, this.#runs.fault].some((run) => run !== undefined && !finished(run));
  }

  get isDone(): boolean {
    return finished(this.#runs.right) && finished(this.#runs.fault);
  }

  toggle(): void {
    if (this.isRunning) this.#stop();
    else this.#train();
  }

  /** Takes other settings; a training that runs goes on with them from its start. */
  change(to: FaultState): void {
    const wasRunning = this.isRunning;
    this.#end("fault");
    if (to.seed !== this.state.seed) this.#end("right");
    this.state = to;
    if (wasRunning) this.#train();
  }

  #train(): void {
    this.failure = "";
    this.#runs.right ??= this.#launch("right", "right"); // one run serves all faults
    this.#end("fault");
    this.#runs.fault = this.#launch("fault", this.state.fault);
  }

  #stop(): void {
    if (!finished(this.#runs.right)) this.#end("right");
    this.#end("fault");
  }

  #end(which: "right" | "fault"): void {
    void this.#runs[which]?.devices.then((devices) => devices.end());
    this.#runs[which] = undefined;
  }

  #launch(which: "right" | "fault", loss: LossName): Run {
    const progress = noProgress();
    const { seed } = this.state;
    const onFailure = (error: Error): void => {
      if (this.#runs[which]?.progress !== progress) return; // of a run that was ended
      this.failure = error.message;
      this.#stop();
      this.#changed();
    };
    const devices = loadAtlas().then(({ pictures, styles, names }) =>
      launchBrowser<WorkerConfig, never, Report>({
        size: 1,
        start: startWorker,
        kernels: "fast",
        config: { program: "fault", names: { styles, names }, pictures, loss, seed },
        onReport: (report) => {
          receive(progress, report);
          if (isFinished(progress)) void devices.then((each) => each.end());
          this.#changed();
        },
        onFailure,
      }),
    );
    devices.catch(onFailure);
    return { progress, devices };
  }
}
