/**
 * The report of a training while it runs. The main thread writes it, so no device waits: at every evaluation, at the end however it
 * comes, and between them as often as it costs at most a fiftieth of the time.
 */
import { join } from "node:path";
import type { ModelSnapshot, RunStatus } from "../report/index.ts";
import type { Config } from "./config.ts";
import { isSystemError, realFs, utf8, writeDurably } from "./fs.ts";
import { Journal, type Session } from "./journal.ts";
import { pageScript } from "./pageScript.ts";
import type { Beginning } from "./recorder.ts";
import { reportOf, showDate } from "./runReport.ts";
import { showTime } from "./showTime.ts";

const LEAST_SECONDS = 10; // between two writes
const SHARE = 0.02; // of the time

/** What the report of a training needs to know. */
export interface LiveReportOptions {
  /** The run folder. */
  readonly path: string;
  readonly config: Config;
  readonly session: Session;
  /** Completed steps. */
  readonly first: number;
  /** Receives warnings about the disk. */
  readonly say: (warning: string) => void;
}

/** The report of a training that runs. */
export class LiveReport {
  readonly #options: LiveReportOptions;
  readonly #render: typeof import("../report/index.ts").renderReport;
  readonly #journal: Journal;
  readonly #script = pageScript();
  #snapshot: ModelSnapshot | undefined;
  #beginning: Beginning | undefined;
  #step: number;
  #warned = "";
  /** Seconds of training at which the next write is due. */
  #due = 0;

  private constructor(options: LiveReportOptions, render: typeof import("../report/index.ts").renderReport) {
    const { path, session, first, say } = options;
    this.#options = options;
    this.#render = render;
    this.#journal = new Journal(path, session, first, { say });
    this.#step = first;
  }

  /** Starts the journal and the report. */
  static async open(options: LiveReportOptions): Promise<LiveReport> {
    // Loaded only here: its chart library would slow the start of every command.
    const { renderReport } = await import("../report/index.ts");
    return new LiveReport(options, renderReport);
  }

  /** The file of the report. */
  get file(): string {
    return join(this.#options.path, "report.html");
  }

  /** Notes a completed step, and writes the report if that is due. */
  saw(step: number): void {
    this.#step = step;
    this.#journal.saw(step, step === this.#options.config.train.steps);
    if (this.#journal.seconds >= this.#due) this.#writeRunning();
  }

  /** Shows the model after an evaluation. */
  sawSnapshot(snapshot: ModelSnapshot): void {
    this.#snapshot = snapshot;
    this.#writeRunning();
  }

  /** Shows what is known before the first step. */
  began(beginning: Beginning): void {
    this.#beginning = beginning;
    this.#writeRunning();
  }

  /** Writes the report of a training that has taken all steps. Throws if the disk fails, as `interrupt` does. */
  finish(snapshot: ModelSnapshot): void {
    const { steps } = this.#options.config.train;
    this.#snapshot = snapshot;
    this.#end(`Finished: ${count(steps)} steps.`, steps);
  }

  /** Writes the report of a training that was asked to stop. */
  interrupt(step: number): void {
    this.#end(`Interrupted after step ${count(step)} of ${count(this.#options.config.train.steps)}.`, step);
  }

  /** Writes the report of a training that has failed, if the disk allows it. */
  fail(error: Error): void {
    try {
      const [message] = error.message.split("\n");
      this.#end(`Failed after step ${count(this.#step)}: ${message}`, this.#step);
    } catch (cause) {
      if (!isSystemError(cause)) throw cause; // the failure itself is more important
    }
  }

  #end(text: string, step: number): void {
    this.#journal.saw(step, true);
    this.#write({ isRunning: false, text });
  }

  #writeRunning(): void {
    const { config, session, first } = this.#options;
    const began = performance.now();
    const { seconds } = this.#journal;
    const now = new Date(Date.parse(session.date) + 1000 * this.#journal.ownSeconds).toISOString();
    const { steps } = config.train;
    const left = this.#step > first ? (this.#journal.ownSeconds * (steps - this.#step)) / (this.#step - first) : 0;
    const text = `Running: step ${count(this.#step)} of ${count(steps)}${left > 0 ? `, about ${showTime(left)} left` : ""}. Written ${showDate(now)}; this page renews itself.`;
    try {
      this.#write({ isRunning: true, text });
    } catch (error) {
      // A report must not end a training; the next write may find room.
      const warning = `the report was not written: ${(error as Error).message}`;
      if (warning !== this.#warned) this.#options.say(warning);
      this.#warned = warning;
    }
    const cost = (performance.now() - began) / 1000;
    this.#due = seconds + Math.max(LEAST_SECONDS, cost / SHARE);
  }

  #write(status: RunStatus): void {
    const { path, config } = this.#options;
    const { rows: firstBatch, ...known } = this.#beginning ?? { rows: [] };
    const snapshot = this.#snapshot ? { snapshot: this.#snapshot } : {};
    const data = reportOf({ path, config, status, firstBatch, ...known, ...snapshot });
    writeDurably(realFs, this.file, utf8(this.#render(data, this.#script)));
  }
}

const count = (n: number): string => n.toLocaleString("en");
