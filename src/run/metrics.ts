/**
 * `metrics.jsonl`: one line of JSON per measurement, in the order of training, unfiltered.
 *
 *   {"step":20,"loss":9.87,"learningRate":0.0001}
 *
 * JSON has no NaN and no infinity: they are written as the strings "NaN", "Infinity" and "-Infinity", and read back as
 * numbers. Every other number reads back to the same bits, −0 included.
 *
 * A run resumed at step k may have measured beyond k before it stopped. `rewindMetrics` moves those lines to
 * `metrics.discarded.jsonl`, so that `metrics.jsonl` reads as if the run had never stopped. Lines of step k itself stay:
 * measure first, then save.
 *
 * A full or failing disk does not end a run here: lines wait in memory until there is room, and a checkpoint stores those
 * that are not on the disk when it is saved, so that resuming from it restores them.
 */
import { join } from "node:path";
import { FormatError, isJsonRecord, parseJson } from "../formats/index.ts";
import { type Fs, isSystemError, realFs, utf8, writeAll, writeDurably } from "./fs.ts";

/** Measurements of a step; the texts "NaN", "Infinity" and "-Infinity" stand for numbers. */
export type Metrics = { readonly step: number } & { readonly [name: string]: number | string };

const FILE = "metrics.jsonl";
const DISCARDED = "metrics.discarded.jsonl";
const NEWLINE = 0x0a;
const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** Adds lines to the metrics of a run folder. `say` receives warnings about the disk. */
export class MetricsLog {
  readonly #folder: string;
  readonly #fs: Fs;
  readonly #say: (warning: string) => void;
  readonly #file: number;
  /** Bytes not written yet. */
  #waiting: Uint8Array = new Uint8Array(0);
  /** Lines that may not be on the disk. */
  #unsynced: string[] = [];
  #isNamed = false; // whether the file name is on the disk
  /** After a failed sync the system may have dropped lines, and later successful syncs do not report it. */
  #isDoubtful = false;
  #hasWarned = false;

  constructor(folder: string, fs: Fs = realFs, say: (warning: string) => void = () => {}) {
    this.#folder = folder;
    this.#fs = fs;
    this.#say = say;
    // A truncated line must not become the beginning of the next.
    if (lastByte(fs, folder) !== NEWLINE) this.#waiting = utf8("\n");
    this.#file = fs.open(join(folder, FILE), "append");
  }

  append(metrics: Metrics): void {
    const line = metricsLine(metrics);
    this.#unsynced.push(line);
    this.#waiting = Buffer.concat([this.#waiting, utf8(`${line}\n`)]);
    this.#write();
  }

  /** Syncs the lines to the disk, and returns those that may not be there: the next checkpoint must store them. */
  sync(): readonly string[] {
    if (!this.#write()) return this.#unsynced;
    try {
      this.#fs.sync(this.#file);
      if (!this.#isNamed) this.#fs.syncFolder(this.#folder);
      this.#isNamed = true;
      if (!this.#isDoubtful) this.#unsynced = [];
    } catch (error) {
      this.#isDoubtful = true;
      this.#warn(error);
    }
    return this.#unsynced;
  }

  close(): void {
    this.#fs.close(this.#file);
  }

  /** Writes the waiting bytes; returns whether all were written. */
  #write(): boolean {
    try {
      while (this.#waiting.length > 0) {
        const written = this.#fs.write(this.#file, this.#waiting);
        this.#waiting = this.#waiting.subarray(written);
      }
      this.#hasWarned = false;
      return true;
    } catch (error) {
      this.#warn(error);
      return false;
    }
  }

  /** Warns of an error of the disk; rethrows any other. */
  #warn(error: unknown): void {
    if (!isSystemError(error)) throw error;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const bytes = `${this.#waiting.length} bytes needed, ${this.#freeBytes()} free`;
    const what = `${join(this.#folder, FILE)} cannot be written (${error.message}; ${bytes})`;
    this.#say(`metrics: ${what}; make room: until then lines are kept in memory and the run continues`);
  }

  #freeBytes(): number | string {
    try {
      return this.#fs.freeBytes(this.#folder);
    } catch {
      return "an unknown number";
    }
  }
}

/** All measurements of a run, and the number of unreadable lines (at most the truncated end of a killed run). */
export function readMetrics(folder: string, fs: Fs = realFs): { rows: Metrics[]; unreadable: number } {
  const parsed = linesOf(fs, folder).map(parseLine);
  const rows = parsed.filter((row) => row !== undefined);
  return { rows, unreadable: parsed.length - rows.length };
}

/**
 * Moves measurements after a step, and truncated lines, to the discarded file. `held`: lines stored in the checkpoint of
 * that step; those that the file lacks are restored.
 */
export function rewindMetrics(folder: string, step: number, fs: Fs = realFs, held: readonly string[] = []): void {
  const lines = linesOf(fs, folder).map((bytes) => ({
    bytes,
    step: parseLine(bytes)?.step ?? Number.POSITIVE_INFINITY,
  }));
  const stays = lines.filter((line) => line.step <= step);
  const goes = lines.filter((line) => !(line.step <= step));
  const present = new Set(stays.map(({ bytes }) => new TextDecoder().decode(bytes)));
  const lost = held.filter((line) => !present.has(line)).map(utf8);
  if (goes.length === 0 && lost.length === 0) return;
  const joined = (all: readonly Uint8Array[]): Uint8Array => Buffer.concat(all.flatMap((line) => [line, utf8("\n")]));
  // First copy, then cut: a crash between the two duplicates lines and loses none.
  if (goes.length > 0) {
    const aside = fs.open(join(folder, DISCARDED), "append");
    try {
      writeAll(fs, aside, joined(goes.map(({ bytes }) => bytes)));
      fs.sync(aside);
    } finally {
      fs.close(aside);
    }
    fs.syncFolder(folder);
  }
  const all = [...stays, ...lost.map((bytes) => ({ bytes, step: parseLine(bytes)?.step ?? step }))];
  writeDurably(fs, join(folder, FILE), joined(all.sort((a, b) => a.step - b.step).map(({ bytes }) => bytes)));
}

/** One line, without its newline. */
export function metricsLine(metrics: Metrics): string {
  const fields = Object.entries(metrics).map(([name, value]) => `${JSON.stringify(name)}:${valueText(name, value)}`);
  return `{${fields.join()}}`;
}

function valueText(name: string, value: number | string): string {
  if (typeof value === "string") {
    if (Object.hasOwn(NON_FINITE, value))
      throw new RangeError(`metrics: ${name} is the text ${value}, which would be read back as a number`);
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
        fields.push([name, Object.hasOwn(NON_FINITE, value) ? NON_FINITE[value] : value]);
      else return undefined;
    }
    return Object.fromEntries(fields) as Metrics;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** The lines that are not empty; none if there is no file. */
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
