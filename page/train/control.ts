/** A training under the user's hand: its settings, its devices, and what they have reported. Draws nothing. */
import type { BrowserDevices } from "../../src/parallel/launchBrowser.ts";
import { startTraining } from "./engine.ts";
import type { Report, Request } from "./messages.ts";
import { after, noProgress, type TrainState } from "./state.ts";

export class TrainControl {
  state: TrainState;
  progress = noProgress();
  running = false;
  /** What the devices are, or what went wrong. */
  status = "";
  readonly #changed: () => void;
  #devices: Promise<BrowserDevices<Request>> | undefined;

  /** `changed` is called after every change. */
  constructor(state: TrainState, changed: () => void) {
    this.state = state;
    this.#changed = changed;
  }

  toggle(): void {
    this.running = !this.running;
    this.send({ kind: this.running ? "run" : "pause" });
    this.#changed();
  }

  /** Sends a request; the first one starts the devices. */
  send(request: Request): void {
    this.#devices ??= this.#start();
    this.#devices.then((devices) => devices.send(request), () => {}); // biome-ignore format: a failed start is reported once
  }

  /** Changes the learning rate of t′, now or at the start. */
  setRateOfT(rateOfT: number): void {
    this.state = { ...this.state, rateOfT };
    if (this.#devices) this.send({ kind: "rateOfT", value: rateOfT });
  }

  /** Ends the devices, and forgets what they have reported. */
  reset(state = this.state): void {
    this.#devices?.then((devices) => devices.end(), () => {}); // biome-ignore format: a line
    this.#devices = undefined;
    this.state = state;
    this.progress = noProgress();
    this.running = false;
    this.status = "";
    this.#changed();
  }

  #start(): Promise<BrowserDevices<Request>> {
    this.status = "Starting: kernels are compiled and compared with plain loops.";
    this.#changed();
    const isCurrent = (): boolean => devices === this.#devices; // not those of before a reset
    const fail = (error: Error): void => {
      if (isCurrent()) this.#fail(error);
    };
    const devices = startTraining(this.state, (report) => isCurrent() && this.#receive(report), fail);
    const { rateOfT, words } = this.state;
    devices.then(({ send }) => {
      if (rateOfT !== 1) send({ kind: "rateOfT", value: rateOfT });
      if (words !== "") send({ kind: "search", words });
    }, fail);
    return devices;
  }

  #fail(error: Error): void {
    this.#devices = undefined;
    this.running = false;
    this.status = `The training failed: ${error.message}`;
    this.#changed();
  }

  #receive(report: Report): void {
    if (report.kind === "ready") {
      const alone = crossOriginIsolated ? "one worker" : "one worker, since this page is not cross-origin isolated";
      const workers = report.devices > 1 ? `${report.devices} workers that share memory` : alone;
      this.status = `On ${workers}; kernels: ${report.kernels.split(";")[0]}.`;
    }
    this.progress = after(this.progress, report);
    if (this.progress.finished) this.running = false;
    this.#changed();
  }
}
