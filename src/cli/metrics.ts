/**
 * `metrics.jsonl`: one line of JSON for each thing that was measured, in the order of training, never filtered.
 *
 *   {"step":20,"loss":9.87,"learningRate":0.0001}
 *
 * JSON has no word for numbers that are none: they are written as the strings "NaN", "Infinity" and "-Infinity", and read
 * back as numbers. Every other number is written so that it reads back to the same bits, −0 included.
 *
 * A run that goes on at step k may have measured beyond k before it was stopped. `rewindMetrics` moves those lines to
 * `metrics.discarded.jsonl`, so that `metrics.jsonl` reads as if the run had never stopped. Lines of step k itself stay:
 * measure first, then save.
 */
import { join } from "node:path";
import { FormatError, isJsonRecord, parseJson } from "../formats/index.ts";
import { type Fs, realFs, utf8, writeAll, writeDurably } from "./fs.ts";

/** What was measured at a step; "NaN", "Infinity" and "-Infinity" are no texts here. */
export type Metrics = { readonly step: number } & { readonly [name: string]: number | string };

const FILE = "metrics.jsonl";
const DISCARDED = "metrics.discarded.jsonl";
const NEWLINE = 0x0a;
const NO_NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** Adds lines to the metrics of a run folder. */
export class MetricsLog {
  readonly #fs: Fs;
  readonly #file: number;
  /** A line that could not be written to its end must not become the beginning of the next. */
  #torn: boolean;

  constructor(folder: string, fs: Fs = realFs) {
    this.#fs = fs;
    this.#torn = lastByte(fs, folder) !== NEWLINE;
    this.#file = fs.open(join(folder, FILE), "append");
  }

  append(metrics: Metrics): void {
    const line = utf8(`${this.#torn ? "\n" : ""}${metricsLine(metrics)}\n`);
    this.#torn = true;
    writeAll(this.#fs, this.#file, line);
    this.#torn = false;
  }

  /** Returns when all lines are on the disk. Call it before a checkpoint is saved, which they are part of. */
  sync(): void {
    this.#fs.sync(this.#file);
  }

  close(): void {
    this.#fs.close(this.#file);
  }
}

/** Everything measured in a run, and how many lines could not be read (the end of a run that was killed, at most). */
export function readMetrics(folder: string, fs: Fs = realFs): { rows: Metrics[]; unreadable: number } {
  const parsed = linesOf(fs, folder).map(parseLine);
  const rows = parsed.filter((row) => row !== undefined);
  return { rows, unreadable: parsed.length - rows.length };
}

/** Moves aside what was measured after a step, and lines that a kill cut off. */
export function rewindMetrics(folder: string, step: number, fs: Fs = realFs): void {
  const lines = linesOf(fs, folder);
  const stays = lines.map((line) => (parseLine(line)?.step ?? Number.POSITIVE_INFINITY) <= step);
  if (stays.every(Boolean)) return;
  const joined = (keep: boolean): Uint8Array =>
    Buffer.concat(lines.filter((_, i) => stays[i] === keep).flatMap((line) => [line, utf8("\n")]));
  // First the copy, then the cut: a stop between the two leaves lines twice and loses none.
  const aside = fs.open(join(folder, DISCARDED), "append");
  try {
    writeAll(fs, aside, joined(false));
    fs.sync(aside);
  } finally {
    fs.close(aside);
  }
  writeDurably(fs, join(folder, FILE), joined(true));
}

/** One line, without its end. */
export function metricsLine(metrics: Metrics): string {
  const fields = Object.entries(metrics).map(([name, value]) => `${JSON.stringify(name)}:${valueText(name, value)}`);
  return `{${fields.join()}}`;
}

function valueText(name: string, value: number | string): string {
  if (typeof value === "string") {
    if (Object.hasOwn(NO_NUMBERS, value))
      throw new RangeError(`metrics: ${name} is the text ${value}, which means a number`);
    return JSON.stringify(value);
  }
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function parseLine(line: Uint8Array): Metrics | undefined {
  try {
    const record = parseJson(line, FILE);
    if (!isJsonRecord(record) || typeof record.step !== "number") return undefined;
    const fields: [string, number | string][] = [];
    for (const [name, value] of Object.entries(record)) {
      if (typeof value === "number") fields.push([name, value]);
      else if (typeof value === "string")
        fields.push([name, Object.hasOwn(NO_NUMBERS, value) ? NO_NUMBERS[value] : value]);
      else return undefined;
    }
    return Object.fromEntries(fields) as Metrics;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** The lines that are not empty; none when there is no file. */
function linesOf(fs: Fs, folder: string): Uint8Array[] {
  const bytes = content(fs, folder);
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    if (end > start) lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function content(fs: Fs, folder: string): Uint8Array {
  return fs.list(folder).includes(FILE) ? fs.read(join(folder, FILE)) : new Uint8Array(0);
}

function lastByte(fs: Fs, folder: string): number {
  const bytes = content(fs, folder);
  return bytes.length === 0 ? NEWLINE : bytes[bytes.length - 1];
}
