/** The data of a report, from the files of a run folder and from what is known of its model. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, resolve } from "node:path";
import { FormatError } from "../formats/index.ts";
import type {
  BatchRow,
  ComparedRun,
  ComparisonData,
  EvaluationRow,
  MetricRow,
  ModelSnapshot,
  ReportData,
  RunCurves,
  RunStatus,
} from "../report/index.ts";
import { kernelReport } from "../tensor/index.ts";
import { type Config, configDifferences, type Difference } from "./config.ts";
import { readJournal, type Session } from "./journal.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import { lossOf } from "./model.ts";
import { checkSettings } from "./preflight.ts";
import { showTime } from "./showTime.ts";
import { TrainingWatch } from "./trainingWatch.ts";

/** A run, and what is known of it beside its files. */
export interface ReportedRun {
  /** The run folder. */
  readonly path: string;
  readonly config: Config;
  readonly status: RunStatus;
  readonly parameters?: number;
  /** Of a classifier, whose data tells it. */
  readonly blindLoss?: number;
  readonly snapshot?: ModelSnapshot;
  readonly firstBatch?: readonly BatchRow[];
}

const NOTHING_YET: ModelSnapshot = {
  step: 0,
  results: [],
  sample: { names: [], pictures: [], scores: [] },
  sheet: [],
};

/** The report of one run. */
export function reportOf(run: ReportedRun): ReportData {
  const { config, snapshot, firstBatch = [] } = run;
  const { lead, summary, probability } = trainedBy(config);
  const { t = Number.NaN, b = 0 } = snapshot ?? NOTHING_YET;
  const { sessions, ...compared } = filesOf(run);
  const { "siglip-ts": own, node, v8 } = sessions.at(-1) ?? versions();
  return {
    ...NOTHING_YET,
    ...snapshot,
    ...compared,
    lead,
    lossSummary: summary,
    firstBatch,
    ...(probability ? { probability: (score: number) => probability(t * score + b) } : {}),
    config,
    versions: { "siglip-ts": own, node, v8 },
  };
}

/** A comparison of runs with distinct folders. */
export function comparisonOf(runs: readonly ReportedRun[]): ComparisonData {
  const names = distinctNames(runs.map(({ path }) => path));
  return {
    runs: runs.map((each, i) => {
      const { sessions: _, ...run } = filesOf(each);
      return { ...run, name: names[i] };
    }),
    differences: differencesOf(runs.map(({ config }) => config)),
  };
}

/** The keys in which some of the configurations differ from the first, with the values of all. */
function differencesOf(configs: readonly Config[]): ComparisonData["differences"] {
  const table = new Map<string, string[]>();
  configs.forEach((config, i) => {
    for (const { key, from, to } of configDifferences(configs[0], config).map(withoutQuotes)) {
      if (!table.has(key))
        table.set(
          key,
          configs.map(() => from),
        );
      table.get(key)![i] = to;
    }
  });
  return [...table].map(([key, values]) => ({ key, values }));
}

const withoutQuotes = ({ key, ...values }: Difference): Difference => {
  const plain = (json: string): string => json.replace(/^"(.*)"$/, "$1");
  return { key, from: plain(values.from), to: plain(values.to) };
};

/** The last parts of paths, as many as tell them apart. */
function distinctNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => resolve(path).split(/[\\/]/));
  for (let count = 1; ; count++) {
    const names = parts.map((each) => each.slice(-count).join("/"));
    if (new Set(names).size === names.length || count > 100) return names;
  }
}

/** What is trained, in words and with its loss. */
interface Trained extends Pick<RunCurves, "usesBias" | "blindLoss"> {
  readonly lead: string;
  readonly summary: string;
  /** The probability of a logit. */
  readonly probability?: (logit: number) => number;
}

function trainedBy(config: Config): Trained {
  if (config.train.objective === "classify") {
    return {
      lead: "One tower for pictures with a linear classifier on it, trained to tell the classes of pictures apart.",
      summary:
        "The loss asks of every picture and every class whether the picture belongs to the class, and adds up the errors of the yes-or-no answers.",
      usesBias: false,
    };
  }
  const { summary, usesBias, probability, blindLoss } = lossOf(config);
  return {
    lead: "Two towers, one for pictures and one for texts, trained to agree on pairs that belong together.",
    summary,
    usesBias,
    blindLoss: blindLoss(config.train.batch),
    ...(probability ? { probability } : {}),
  };
}

/** What the files of a run tell. */
function filesOf({
  path,
  config,
  status,
  parameters,
  blindLoss: known,
}: ReportedRun): ComparedRun & { readonly sessions: readonly Session[] } {
  const { usesBias, blindLoss = known } = trainedBy(config);
  const { rows } = whileWritten(() => readMetrics(path));
  const { sessions, times } = whileWritten(() => readJournal(path));
  const curves: RunCurves = {
    name: basename(resolve(path)),
    ...(blindLoss === undefined ? {} : { blindLoss }),
    usesBias,
    batch: config.train.batch,
    clipNorm: config.optim.clipNorm,
    metrics: rows.flatMap(metricRow),
    evaluations: rows.flatMap(evaluationRow),
    times,
  };
  return {
    ...curves,
    status,
    warnings: [...checkSettings(config, true), ...signsIn(curves, config)],
    facts: factsOf(path, config, curves, sessions, parameters),
    sessions,
  };
}

/** Reads a file that a training may be writing: then it can change its size meanwhile. */
function whileWritten<Result>(read: () => Result): Result {
  for (let tries = 3; ; tries--) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FormatError) || error.code !== "FILE_CHANGED" || tries === 0) throw error;
    }
  }
}

function metricRow({ step, loss, ...rest }: Metrics): MetricRow[] {
  if (loss === undefined) return [];
  const others = Object.entries(rest).map(([name, value]) => [name, Number(value)]);
  return [{ step, loss: Number(loss), ...Object.fromEntries(others) }];
}

function evaluationRow(row: Metrics): EvaluationRow[] {
  const { step, testAccuracy } = row;
  if (testAccuracy !== undefined) return [{ step, accuracy: Number(testAccuracy) }];
  if (!("textToImage.r1" in row)) return [];
  const recall = [1, 5, 10].map((k) => ({
    k,
    textToImage: Number(row[`textToImage.r${k}`]),
    imageToText: Number(row[`imageToText.r${k}`]),
  }));
  const sample = { train: Number(row["sample.train.r1"]), test: Number(row["sample.test.r1"]) };
  return [{ step, recall, ...(Number.isNaN(sample.train) ? {} : { sample }) }];
}

/** The warnings that the training has printed. */
function signsIn({ metrics, usesBias, blindLoss }: RunCurves, { train }: Config): string[] {
  if (blindLoss === undefined) return [];
  const watch = new TrainingWatch({ ...train, loss: { usesBias, blindLoss: () => blindLoss } });
  return metrics.flatMap((row) => watch.see(row));
}

const count = (n: number): string => n.toLocaleString("en");

function factsOf(
  path: string,
  config: Config,
  { metrics, times }: RunCurves,
  sessions: readonly Session[],
  parameters: number | undefined,
): Record<string, string> {
  const last = metrics.at(-1);
  const [first, session] = [sessions[0], sessions.at(-1)];
  const resumed = sessions.length - 1;
  return {
    ...(session ? { command: session.command } : {}),
    folder: path,
    ...(first
      ? {
          started: `${showDate(first.date)}${resumed > 0 ? `, resumed ${resumed} ${resumed === 1 ? "time" : "times"}` : ""}`,
        }
      : {}),
    ...(parameters === undefined ? {} : { parameters: count(parameters) }),
    ...(last ? { training: showTraining(config, last.step, last.gflop) } : {}),
    ...(times.length > 0 ? { "time of training": showTime(times[times.length - 1].seconds) } : {}),
    ...(session ? { machine: `${session.machine}, ${session.devices}`, kernels: session.kernels } : {}),
  };
}

/** `2026-11-30 06:32 UTC`. */
export const showDate = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;

/** `243,200 pairs in 1,900 steps, 3,771 GFLOP`. */
export function showTraining({ train }: Config, steps: number, gflop = Number.NaN): string {
  const seen = `${count(steps * train.batch)} ${train.objective === "classify" ? "pictures" : "pairs"}`;
  const shown = gflop.toLocaleString("en", { maximumFractionDigits: gflop < 10 ? 2 : 0 });
  return `${seen} in ${count(steps)} steps${Number.isNaN(gflop) ? "" : `, ${shown} GFLOP`}`;
}

/** `AMD EPYC`. */
export const machineName = (): string => cpus()[0]?.model.trim() ?? "unknown";

/** `2 devices`. */
export const showDevices = (devices: number): string => `${devices} ${devices === 1 ? "device" : "devices"}`;

function versions(): Record<string, string> {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  return { "siglip-ts": version, node: process.versions.node, v8: process.versions.v8 };
}

/** The start of a training in this process, for its journal. */
export const sessionOf = (date: Date, command: string, devices: number): Session => ({
  date: date.toISOString(),
  command,
  machine: machineName(),
  devices: showDevices(devices),
  kernels: kernelReport().why,
  ...versions(),
});
