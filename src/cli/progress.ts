/**
 * The progress line of a run, on stderr: step, loss, t and b or accuracy, pairs or pictures per second, time left, the newest
 * recall or accuracy on the first test set.
 *
 * On a terminal it is one line, rewritten and cut to the current width. Elsewhere (a file, a pipe, CI) it is a plain line
 * every few seconds. The display must never end a run: a closed pipe silences it, and a signal restores the cursor before
 * the process ends.
 */
import { showTime } from "../run/index.ts";

/** Metrics of a training step; t = exp(t′). */
export interface ProgressRow {
  readonly step: number;
  readonly loss: number;
  readonly t?: number;
  readonly b?: number;
  /** Of a classifier, on the batch. */
  readonly accuracy?: number;
  /** R@1 on the first test set, if it was measured after this step; of a classifier, its accuracy there. */
  readonly recall?: Recall | undefined;
  readonly testAccuracy?: number | undefined;
}

/** Shares of the texts, and of the images, whose match is found first. */
interface Recall {
  readonly textToImage: number;
  readonly imageToText: number;
}

/** The part of a `tty.WriteStream` that is used; `columns` and `isTTY` are absent without a terminal. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
  on(event: "resize" | "error", listener: () => void): unknown;
  off(event: "resize" | "error", listener: () => void): unknown;
}

export interface ProgressOptions {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Pairs in a step. */
  readonly batch: number;
  readonly stream?: ProgressStream;
  /** Rewrite one line; by default if the stream is a capable terminal. */
  readonly terminal?: boolean;
  /** Milliseconds between two lines; by default 100 on a terminal, 10,000 elsewhere. */
  readonly every?: number;
  /** A clock in milliseconds; for tests. */
  readonly now?: () => number;
}

export interface Progress {
  /** Reports a finished step; draws it if enough time has passed, and always the last step and one that was tested. */
  update(row: ProgressRow): void;
  /** Writes a message above the progress line. */
  log(message: string): void;
  /** Leaves the last line on the screen and restores the terminal. */
  stop(): void;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J"; // from the cursor to the end of the screen
const WINDOW = 10_000; // ms of history behind the speed
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function startProgress(options: ProgressOptions): Progress {
  const { steps, batch, stream = process.stderr, now = () => performance.now() } = options;
  const terminal = options.terminal ?? (stream.isTTY === true && process.env.TERM !== "dumb");
  const every = options.every ?? (terminal ? 100 : 10_000);
  const display = displayOn(stream, terminal);
  const speed = speedometer();
  let row: ProgressRow | undefined;
  let lastDraw = Number.NEGATIVE_INFINITY;
  let stopped = false;

  const draw = () => {
    if (row) display.draw(progressLine(row, steps, speed.perSecond(), batch, display.width()));
  };
  const stop = () => {
    if (stopped) return;
    stopped = true;
    if (terminal && row) display.write(`\n${SHOW_CURSOR}`);
    stream.off("resize", draw);
    release();
  };
  if (terminal) stream.on("resize", draw);
  const release = terminal ? beforeExit(stop) : () => {};
  return {
    update(next) {
      if (stopped) return;
      // The last step is tested in a moment: an older result beside it would be taken for its own.
      row = next.step < steps ? { recall: row?.recall, testAccuracy: row?.testAccuracy, ...next } : next;
      const time = now();
      speed.add(time, next.step);
      const isTested = next.recall !== undefined || next.testAccuracy !== undefined;
      if (time - lastDraw < every && next.step < steps && !isTested) return;
      lastDraw = time;
      draw();
    },
    log(message) {
      if (!terminal || !row || stopped) return display.write(`${message}\n`);
      display.write(`${display.erase()}${message}\n`);
      draw();
    },
    stop,
  };
}

/** The line on the screen, or one line after the other where there is no terminal. A closed pipe silences it. */
function displayOn(stream: ProgressStream, terminal: boolean) {
  let drawn = 0; // characters of the line on the screen
  let broken = false;
  // Never removed: a write to a closed pipe fails only after the display has been stopped.
  stream.on("error", () => {
    broken = true;
  });
  const write = (text: string): void => {
    if (broken) return;
    try {
      stream.write(text);
    } catch {
      broken = true;
    }
  };
  // A line drawn on a wider terminal has wrapped: go up to its beginning.
  const erase = (): string => {
    const rows = Math.max(1, Math.ceil(drawn / (stream.columns ?? 80)));
    drawn = 0;
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}${CLEAR_BELOW}`;
  };
  return {
    write,
    erase,
    // One column stays free: a terminal wraps when its last column is written.
    width: (): number => (terminal ? (stream.columns ?? 80) - 1 : Number.POSITIVE_INFINITY),
    draw(line: string) {
      if (!terminal) return write(`${line}\n`);
      const erased = erase();
      drawn = line.length;
      write(HIDE_CURSOR + erased + line);
    },
  };
}

/**
 * Calls `stop` before the process ends, also if a signal ends it that nobody else handles. Returns a function that removes the
 * listeners.
 */
function beforeExit(stop: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return; // another listener handles it; `stop` will be called
    stop();
    process.kill(process.pid, signal);
  };
  process.on("exit", stop);
  // Prepended, so that listeners that remove themselves are still counted.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
  return () => {
    process.off("exit", stop);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** Steps per second over the last few seconds. */
function speedometer() {
  const marks: { time: number; step: number }[] = [];
  return {
    add(time: number, step: number): void {
      if (step === marks.at(-1)?.step) return; // the time of its test
      marks.push({ time, step });
      // Keep one mark older than the window, so that slow steps still leave two to compare.
      while (marks.length > 2 && time - marks[1].time > WINDOW) marks.shift();
    },
    perSecond(): number {
      const first = marks[0];
      const last = marks.at(-1);
      if (!last || last.time <= first.time) return Number.NaN;
      return ((last.step - first.step) * 1000) / (last.time - first.time);
    },
  };
}

/**
 * The line for a width: as many parts as fit; the least important are dropped first.
 * An unknown speed (NaN) is left out.
 */
export function progressLine(
  row: ProgressRow,
  steps: number,
  stepsPerSecond: number,
  batch: number,
  width: number,
): string {
  const parts = [
    { drop: 0, text: `step ${count(row.step)}/${count(steps)}` },
    { drop: 4, text: `${Math.floor((100 * row.step) / steps)}%` },
    { drop: 1, text: `loss ${row.loss.toFixed(4)}` },
  ];
  if (row.t !== undefined) parts.push({ drop: 6, text: `t ${row.t.toFixed(2)}` });
  if (row.b !== undefined) parts.push({ drop: 7, text: `b ${row.b.toFixed(2)}` });
  if (row.accuracy !== undefined) parts.push({ drop: 6, text: `accuracy ${(100 * row.accuracy).toFixed(0)} %` });
  if (row.recall) {
    const [texts, images] = [row.recall.textToImage, row.recall.imageToText].map((share) => (100 * share).toFixed(1));
    parts.push({ drop: 3, text: `R@1 ${texts}/${images} %` });
  }
  if (row.testAccuracy !== undefined) {
    parts.push({ drop: 3, text: `test accuracy ${(100 * row.testAccuracy).toFixed(1)} %` });
  }
  if (stepsPerSecond > 0) {
    parts.push({ drop: 5, text: `${count(stepsPerSecond * batch)} ${row.t === undefined ? "pictures" : "pairs"}/s` });
    if (row.step < steps) parts.push({ drop: 2, text: `${showTime((steps - row.step) / stepsPerSecond)} left` });
  }
  for (let most = 7; most >= 0; most--) {
    const text = parts
      .filter((part) => part.drop <= most)
      .map((part) => part.text)
      .join("  ");
    if (text.length <= width) return text;
  }
  return parts[0].text.slice(0, Math.max(0, width));
}

const count = (n: number): string => Math.round(n).toLocaleString("en");
