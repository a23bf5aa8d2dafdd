/** A record: the settings of a training, what they change, and what was measured. One JSON file each, in `records/`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { configDigest, resolveConfig } from "../src/run/index.ts";
import { TRACKS, type TrackName } from "./tracks.ts";

/** What one seed gave. */
export interface SeedResult {
  readonly seed: number;
  /** R@1 text → image on the validation style, from 0 to 1. */
  readonly recall: number;
  /** Of the training. */
  readonly gflop: number;
  /** Of the whole command `siglip train`. */
  readonly seconds: number;
}

/** What was measured, on which machine. */
export interface Result {
  readonly seeds: readonly SeedResult[];
  readonly machine: string;
}

export interface RecordFile {
  readonly track: TrackName;
  /** What it changes against the record before it, for people. */
  readonly change: string;
  readonly preset: string;
  readonly set: readonly string[];
  /** Digest of the resolved configuration: shows if a default or a preset has changed since. */
  readonly hash: string;
  /** Absent before the first complete run. */
  readonly result?: Result;
}

/** A record that cannot be used; the message names the file. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

/** Seeds of a complete result: 0 to 4. */
export const SEEDS = 5;

/** The validation split, which every record trains and is judged on; openmoji and emojione stay untouched for the final test. */
const SPLIT = [
  "data.name=emoji",
  "data.trainStyles=noto,twemoji",
  "data.testStyle=fluent",
  "data.secondTestStyle=none",
];
/** Keys that a record may not set: data, seeds and evaluation are the same for all, and starting weights are random. */
const FIXED =
  /^\s*(data\.(name|trainStyles|testStyle|secondTestStyle)|train\.(seed|init|lock)|eval\.\w+|log\.\w+|checkpoint\.\w+)\s*=/;

/** All settings of a record's training, but for its seed. */
export const settingsOf = ({ set }: Pick<RecordFile, "set">): string[] => ["train.shards=2", ...set, ...SPLIT];

const hashOf = (record: Pick<RecordFile, "preset" | "set">): string =>
  configDigest(resolveConfig(record.preset, settingsOf(record)));

/** The records of a folder by name. */
export const recordNames = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => basename(file, ".json"))
    .sort();

const fileOf = (folder: string, name: string): string => join(folder, `${name}.json`);

/** Reads a record. Throws `RecordError` if there is none, or if it sets what is fixed or not what its hash says. */
export function readRecord(folder: string, name: string): RecordFile {
  const names = recordNames(folder);
  if (!names.includes(name)) {
    throw new RecordError(`no record ${JSON.stringify(name)} in ${folder}; there are ${names.join(", ") || "none"}`);
  }
  const file = fileOf(folder, name);
  const record = JSON.parse(readFileSync(file, "utf8")) as RecordFile;
  if (!Object.hasOwn(TRACKS, record.track)) {
    throw new RecordError(`${file}: unknown track ${record.track}; choose one of ${Object.keys(TRACKS).join(", ")}`);
  }
  const fixed = record.set.filter((setting) => FIXED.test(setting));
  if (fixed.length > 0) {
    throw new RecordError(
      `${file} sets ${fixed.join(", ")}, which is the same for all records; leave it out (docs/RECORDS.md)`,
    );
  }
  const hash = hashOf(record);
  if (hash !== record.hash) {
    throw new RecordError(
      `${file}: the settings have the hash ${hash}, not ${record.hash}; for a new record write the first, for an old one set what has changed in the preset or the defaults`,
    );
  }
  return record;
}

/** Writes a record with its result, and its log beside it. */
export function writeResult(folder: string, name: string, record: RecordFile, result: Result, log: string): void {
  writeFileSync(fileOf(folder, name), `${JSON.stringify({ ...record, result }, undefined, 2)}\n`);
  writeFileSync(join(folder, `${name}.log`), log);
}
