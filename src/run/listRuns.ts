/** The runs in a folder: how far each came, with what result, and how its configuration differs from a preset. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../formats/index.ts";
import { ConfigError } from "./configError.ts";
import { nearestPreset } from "./configKeys.ts";
import { isSystemError, realFs } from "./fs.ts";
import { isInUse, RunLockedError } from "./lock.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import { RunFolderError, readRun } from "./runFolder.ts";

/** A run in one line. */
export interface RunSummary {
  readonly path: string;
  /** `done`: all steps are saved. */
  readonly state: "running" | "done" | "stopped";
  /** Completed steps; those that are saved, if nobody trains. */
  readonly step: number;
  readonly steps: number;
  /** Last line of metrics; null without one, and for NaN or infinity. */
  readonly loss: number | null;
  /** The newest recall on the first test set, fractions from 0 to 1; null if none was measured. */
  readonly recall: { readonly step: number; readonly textToImage: Ranks; readonly imageToText: Ranks } | null;
  /** The newest accuracy of a classifier on the first test set, from 0 to 1; null if none was measured. */
  readonly testAccuracy: { readonly step: number; readonly accuracy: number } | null;
  /** The preset with the fewest differences. */
  readonly preset: string;
  /** The differences, as `--set` takes them. */
  readonly settings: readonly string[];
  /** Time of the last write. */
  readonly changed: Date;
}

interface Ranks {
  readonly r1: number;
  readonly r5: number;
  readonly r10: number;
}

/** The time of the last write to a run; undefined if the folder holds no run. */
function lastWrite(path: string): number | undefined {
  const [config, ...others] = ["config.json", "metrics.jsonl", "checkpoint"].map(
    (name) => statSync(join(path, name), { throwIfNoEntry: false })?.mtimeMs,
  );
  return config === undefined ? undefined : Math.max(config, ...others.map((time) => time ?? 0));
}

/** The run folders in a folder, or this folder itself, each with the time of its last write, oldest first. */
function runFolders(parent: string): { path: string; time: number }[] {
  try {
    return [parent, ...realFs.list(parent).map((name) => join(parent, name))]
      .map((path) => ({ path, time: lastWrite(path) ?? Number.NaN }))
      .filter(({ time }) => !Number.isNaN(time))
      .sort((a, b) => a.time - b.time || (a.path < b.path ? -1 : 1));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT") return [];
    throw new RunFolderError(`${parent} cannot be listed: ${error.message}; name a folder of runs`, { cause: error });
  }
}

/** The run in a folder that was written to last; undefined if there is none. Throws `RunFolderError` if it cannot be listed. */
export const newestRun = (parent: string): string | undefined => runFolders(parent).at(-1)?.path;

/**
 * The runs in a folder, by the time of their last write. One that cannot be read is left out, with a warning. Throws
 * `RunFolderError` if the folder cannot be listed.
 */
export const listRuns = (parent: string, warn: (message: string) => void): RunSummary[] =>
  runFolders(parent).flatMap(({ path, time }) => {
    try {
      return [{ ...summaryOf(path), changed: new Date(time) }];
    } catch (error) {
      const kinds = [ConfigError, FormatError, RunFolderError, RunLockedError];
      if (!isSystemError(error) && !kinds.some((kind) => error instanceof kind)) throw error;
      warn(`${path} is left out: ${(error as Error).message}`);
      return [];
    }
  });

function summaryOf(path: string): Omit<RunSummary, "changed"> {
  const { config, checkpoints } = readRun(path);
  const { steps } = config.train;
  const { rows } = readMetrics(path);
  const saved = checkpoints.newestStep ?? 0;
  const isRunning = isInUse(path);
  const loss = Number(rows.findLast((row) => "loss" in row)?.loss);
  const tested = rows.findLast((row) => "testAccuracy" in row);
  return {
    path,
    state: isRunning ? "running" : saved >= steps ? "done" : "stopped",
    step: isRunning ? Math.max(saved, rows.at(-1)?.step ?? 0) : saved,
    steps,
    loss: Number.isFinite(loss) ? loss : null,
    recall: recallOf(rows.findLast((row) => "textToImage.r1" in row)),
    testAccuracy: tested ? { step: tested.step, accuracy: Number(tested.testAccuracy) } : null,
    ...nearestPreset(config),
  };
}

function recallOf(row: Metrics | undefined): RunSummary["recall"] {
  if (!row) return null;
  const ranks = (name: string): Ranks => {
    const [r1, r5, r10] = [1, 5, 10].map((k) => Number(row[`${name}.r${k}`]));
    return { r1, r5, r10 };
  };
  return { step: row.step, textToImage: ranks("textToImage"), imageToText: ranks("imageToText") };
}
