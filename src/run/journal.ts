/**
 * `journal.jsonl`: what two runs with the same bits do not share. A line for each start of the training, with its date, command,
 * machine and versions, and lines with the time of a step.
 *
 *   {"step":0,"date":"2026-11-30T06:32:00.000Z","command":"siglip train","devices":"2","node":"26.10.0"}
 *   {"step":20,"seconds":1.25}
 *
 * Seconds go on where they were when a run was resumed. Steps that were taken again have two lines; the later ones count.
 */
import { join } from "node:path";
import { FormatError, isJsonRecord, parseJson } from "../formats/index.ts";
import type { TimeRow } from "../report/index.ts";
import { type Fs, isSystemError, realFs, utf8, writeAll } from "./fs.ts";

/** How a training was started: `date` (ISO 8601), `command`, and further facts by name. */
export type Session = { readonly date: string; readonly command: string } & { readonly [name: string]: string };

/** What a run folder knows of its trainings. */
export interface JournalEntries {
  /** One for each start, in order. */
  readonly sessions: readonly Session[];
  readonly times: readonly TimeRow[];
}

const FILE = "journal.jsonl";
/** The time of a step is noted after a second, and in long runs after a hundredth of their time. */
const LEAST_SECONDS = 1;
const SHARE = 0.01;

/** Writes the journal of a training. The disk may be full: then lines are lost, with one warning. */
export class Journal {
  readonly #path: string;
  readonly #fs: Fs;
  readonly #say: (warning: string) => void;
  readonly #now: () => number;
  /** Seconds of the trainings before this one, and when it began in ms. */
  readonly #start: { readonly seconds: number; readonly at: number };
  /** The last step noted, and its time. */
  #step = -1;
  #noted = Number.NEGATIVE_INFINITY;
  #hasWarned = false;

  /** `first`: completed steps; `now`: a clock in milliseconds. */
  constructor(
    folder: string,
    session: Session,
    first: number,
    { fs = realFs, now = () => performance.now(), say = () => {} }: JournalOptions = {},
  ) {
    this.#path = join(folder, FILE);
    this.#fs = fs;
    this.#say = say;
    this.#now = now;
    const { sessions, times } = readJournal(folder, fs);
    this.#start = { seconds: times.findLast(({ step }) => step <= first)?.seconds ?? 0, at: now() };
    if (sessions.length > 0) this.#append("\n"); // ends a line that a killed training has cut
    this.#append(`${JSON.stringify({ step: first, ...session })}\n`);
  }

  /** Seconds of training so far. */
  get seconds(): number {
    return this.#start.seconds + this.ownSeconds;
  }

  /** Seconds since this training began. */
  get ownSeconds(): number {
    return (this.#now() - this.#start.at) / 1000;
  }

  /** Notes the time of a step, if enough has passed since the last one; always that of the last step. */
  saw(step: number, isLast = false): void {
    const { seconds } = this;
    if (step === this.#step) return; // what follows the last step is no time of steps
    if (!isLast && seconds - this.#noted < Math.max(LEAST_SECONDS, SHARE * seconds)) return;
    this.#noted = seconds;
    this.#step = step;
    this.#append(`${JSON.stringify({ step, seconds: Number(seconds.toFixed(2)) })}\n`);
  }

  #append(text: string): void {
    try {
      const file = this.#fs.open(this.#path, "append");
      try {
        writeAll(this.#fs, file, utf8(text));
      } finally {
        this.#fs.close(file);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (!this.#hasWarned) this.#say(`${this.#path} cannot be written (${error.message}); the report will lack times`);
      this.#hasWarned = true;
    }
  }
}

interface JournalOptions {
  readonly fs?: Fs;
  readonly now?: () => number;
  readonly say?: (warning: string) => void;
}

/** The journal of a run folder; empty if there is none. Lines that cannot be read are left out. */
export function readJournal(folder: string, fs: Fs = realFs): JournalEntries {
  if (!fs.list(folder).includes(FILE)) return { sessions: [], times: [] };
  const sessions: Session[] = [];
  const times: TimeRow[] = [];
  let isFirst = true;
  for (const line of new TextDecoder().decode(fs.read(join(folder, FILE))).split("\n")) {
    const entry = parsed(line);
    if (entry === undefined) continue;
    const { step } = entry;
    while (times.length > 0 && times[times.length - 1].step > step) times.pop();
    if ("session" in entry) {
      sessions.push(entry.session);
      isFirst = true;
    } else {
      times.push({ step, seconds: entry.seconds, isFirst });
      isFirst = false;
    }
  }
  return { sessions, times };
}

type Entry = { readonly step: number } & ({ readonly seconds: number } | { readonly session: Session });

function parsed(line: string): Entry | undefined {
  try {
    const entry = parseJson(utf8(line), FILE);
    if (!isJsonRecord(entry) || typeof entry.step !== "number") return undefined;
    const { step, seconds, ...session } = entry;
    if (typeof seconds === "number") return { step, seconds };
    return isSession(session) ? { step, session } : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined; // the cut end of a killed run
    throw error;
  }
}

const isSession = (fields: object): fields is Session =>
  Object.values(fields).every((value) => typeof value === "string") && "date" in fields && "command" in fields;
