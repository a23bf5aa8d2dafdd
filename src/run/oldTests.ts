/**
 * The tests of the data that the weights of --init were trained on: before this training, and after it.
 *
 * They show what a model has forgotten. The run keeps the settings of that data and the figures before in `init.json`. Devices of
 * their own evaluate the checkpoints, so no bit of the training depends on it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError, SourceError } from "../data/index.ts";
import { FormatError, isJsonRecord, type JsonValue, parseJson, printable } from "../formats/index.ts";
import { launch } from "../parallel/launch.ts";
import { type Config, takesTower } from "./config.ts";
import type { Opening } from "./dataSet.ts";
import { openTests } from "./dataSets.ts";
import { evalProgram } from "./devicePrograms.ts";
import type { EvalJob, EvalResult } from "./evalDevice.ts";
import type { Evaluation } from "./evaluation.ts";
import { isSystemError, realFs, utf8, writeDurably } from "./fs.ts";
import { INIT_FILE } from "./runFolder.ts";
import type { StartingWeights } from "./startingWeights.ts";
import type { Stored } from "./trainingState.ts";

/** What a run keeps of the tests of the data that its weights come from. */
export interface OldTests {
  /** The path of --init. */
  readonly init: string;
  readonly data: Config["data"];
  /** On its test sets, of the weights that the run started from. */
  readonly before: readonly Evaluation[];
}

/** How checkpoints are evaluated. */
export interface OldTestOptions {
  readonly devices: number;
  readonly deadline?: number;
  readonly opening: Opening;
}

/** Evaluates the weights that a run starts from on the data of their own training; undefined if it is the run's data, or cannot be opened. */
export async function testBefore(
  config: Config,
  from: StartingWeights,
  stored: Stored,
  options: OldTestOptions,
): Promise<OldTests | undefined> {
  const { path: init, data } = from;
  if (data === undefined || !hasOldTests(config, from)) return undefined;
  const before = await evaluated({ init, data }, config, stored, options);
  return before && { init, data, before };
}

/**
 * Whether a run is tested on the data that its weights come from: it trains on other data. With a new text tower, or none, there is nothing
 * to compare.
 */
export const hasOldTests = (config: Config, { data }: StartingWeights): boolean =>
  data !== undefined &&
  !takesTower(config) &&
  !(data.name === config.data.name && data.contents === config.data.contents);

/** Writes the tests into the folder of a run. */
export const writeOldTests = (run: string, tests: OldTests): void =>
  writeDurably(realFs, join(run, INIT_FILE), utf8(`${JSON.stringify(tests)}\n`));

/** Evaluates a checkpoint of a run on the data that its weights come from, beside the figures before; none if there is no such data. */
export async function testAfter(
  run: string,
  config: Config,
  stored: Stored,
  options: OldTestOptions,
): Promise<Evaluation[]> {
  const file = join(run, INIT_FILE);
  if (!existsSync(file)) return [];
  const old = oldTestsOf(parseJson(realFs.read(file), file), file);
  const after = (await evaluated(old, config, stored, options)) ?? [];
  return after.map((evaluation) => {
    const before = old.before.find(({ name }) => name === evaluation.name)?.recall;
    return { ...evaluation, title: `data of ${printable(old.init)}: ${evaluation.title}`, ...(before && { before }) };
  });
}

/** The contents of a file that `writeOldTests` wrote. Throws `FormatError` if it is not one. */
function oldTestsOf(value: JsonValue, file: string): OldTests {
  const { init, data, before } = isJsonRecord(value) ? value : {};
  if (typeof init === "string" && data !== undefined && isJsonRecord(data) && Array.isArray(before)) {
    return value as unknown as OldTests;
  }
  throw new FormatError("MODEL_FILE", file, 0, 'expected "init", "data" and "before", as the run wrote them');
}

async function evaluated(
  { init, data }: Pick<OldTests, "init" | "data">,
  config: Config,
  stored: Stored,
  { devices, deadline, opening }: OldTestOptions,
): Promise<readonly Evaluation[] | undefined> {
  const on: Config = { ...config, data };
  let opened: EvalJob["opened"];
  try {
    opened = (await openTests(on, opening)).shared;
  } catch (error) {
    if (!(error instanceof DataError || error instanceof SourceError || isSystemError(error))) throw error;
    opening.warn?.(`the tests of the data of ${printable(init)} are left out: ${error.message}`);
    return undefined;
  }
  const job: EvalJob = { config: on, stored, opened, probes: false };
  const launched = launch<EvalJob, EvalResult>(evalProgram, devices, job, deadline === undefined ? {} : { deadline });
  const [{ evaluations }] = await launched.results;
  return evaluations;
}
