/** Runs a record and compares it with its file; prints the table of all records. */
import { cpus } from "node:os";
import {
  type RecordFile,
  type Result,
  readRecord,
  recordNames,
  SEEDS,
  type SeedResult,
  writeResult,
} from "./record.ts";
import { summarize } from "./statistics.ts";
import { type Measured, TRACKS } from "./tracks.ts";
import type { TrainedSeed } from "./trainSeed.ts";

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
const whole = (x: number): string => Math.round(x).toLocaleString("en");

const measured = ({ seeds }: Pick<Result, "seeds">): Measured => ({
  recall: summarize(seeds.map(({ recall }) => recall)),
  gflop: Math.max(...seeds.map(({ gflop }) => gflop)),
});

/** `R@1 21.3 % (20.9 % … 21.7 %), 2,998 GFLOP, 42 s`: mean, 95 % interval, the most GFLOP, mean seconds of a seed. */
function figures({ seeds }: Pick<Result, "seeds">): string {
  const { recall, gflop } = measured({ seeds });
  const interval = seeds.length > 1 ? ` (${percent(recall.low)} … ${percent(recall.high)})` : "";
  const seconds = summarize(seeds.map((each) => each.seconds)).mean;
  return `R@1 ${percent(recall.mean)}${interval}, ${whole(gflop)} GFLOP, ${whole(seconds)} s`;
}

/** How new seeds differ from those of a record. */
function comparison(seeds: readonly SeedResult[], recorded: readonly SeedResult[]): string {
  const pairs = seeds.flatMap((now) => {
    const before = recorded.find(({ seed }) => seed === now.seed);
    return before ? [{ now, before }] : [];
  });
  const same = pairs.filter(({ now, before }) => now.recall === before.recall && now.gflop === before.gflop).length;
  const difference = summarize(pairs.map(({ now, before }) => now.recall - before.recall)).mean;
  const signed = `${difference < 0 ? "−" : "+"}${(100 * Math.abs(difference)).toFixed(2)}`;
  return `${same} of ${pairs.length} seeds as recorded, R@1 ${signed} points in the mean; recorded: ${figures({ seeds: recorded })}`;
}

/** How a record is run. */
export interface RunOptions {
  /** Of the records. */
  readonly folder: string;
  /** Their number; the seeds are 0, 1, ... */
  readonly seeds: number;
  readonly trainSeed: (record: RecordFile, seed: number) => Promise<TrainedSeed>;
  readonly print: (line: string) => void;
}

/** Trains the seeds of a record one after the other; the first complete result is written into its file, later ones are compared. */
export async function runRecord(name: string, { folder, seeds: count, trainSeed, print }: RunOptions): Promise<void> {
  const record = readRecord(folder, name);
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    print(line);
  };
  const seeds: SeedResult[] = [];
  for (let seed = 0; seed < count; seed++) {
    const { printed, ...result } = await trainSeed(record, seed);
    seeds.push(result);
    lines.push(printed.trim());
    say(`${name}, seed ${seed}: ${figures({ seeds: [result] })}`);
  }
  say(`${name}, mean of ${count}: ${figures({ seeds })}`);
  const { goal, holds } = TRACKS[record.track];
  if (count >= SEEDS) say(`${record.track} (${goal}): ${holds(measured({ seeds })) ? "reached" : "missed"}`);
  if (record.result) return print(comparison(seeds, record.result.seeds));
  if (count < SEEDS) return print(`not recorded: a result takes ${SEEDS} seeds`);
  const machine = cpus()[0]?.model.trim() ?? "unknown";
  writeResult(folder, name, record, { seeds, machine }, `${lines.join("\n")}\n`);
  print(`recorded in ${folder}/${name}.json and .log`);
}

/** The table of all records, the best of each track first. */
export function tableOf(folder: string): string {
  const all = recordNames(folder).map((name) => ({ name, ...readRecord(folder, name) }));
  const tracks = Object.entries(TRACKS).map(([track, { goal, holds, compare }]) => {
    const own = all.filter((record) => record.track === track);
    const judged = own
      .flatMap(({ result, ...rest }) => (result ? [{ ...rest, result, measured: measured(result) }] : []))
      .sort((a, b) => Number(holds(b.measured)) - Number(holds(a.measured)) || compare(a.measured, b.measured))
      .map((each) => [each.name, figures(each.result) + (holds(each.measured) ? "" : ", missed"), each.change]);
    const open = own.filter(({ result }) => !result).map(({ name, change }) => [name, "not measured yet", change]);
    const rows = [...judged, ...open].map(([name, result, change]) => `  ${name.padEnd(24)} ${result}\n    ${change}`);
    return [`${track}: ${goal}`, ...rows].join("\n");
  });
  return tracks.join("\n\n");
}
