/** The end of a run: the table of results, the summary and the report. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { countParameters } from "../nn/index.ts";
import type { EvaluationRow, MetricRow } from "../report/index.ts";
import { kernelReport } from "../tensor/index.ts";
import type { Config } from "./config.ts";
import { realFs, utf8, writeDurably } from "./fs.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import type { TrainedModel } from "./model.ts";
import type { TaskResults } from "./task.ts";

export interface Finished {
  readonly run: string;
  readonly config: Config;
  readonly preset: string;
  readonly model: TrainedModel;
  readonly results: TaskResults;
  readonly seconds: number;
  /** Floating-point operations of the training; NaN if unknown. */
  readonly flops: number;
  /** Steps completed before this process. */
  readonly first: number;
  readonly devices: number;
}

export interface Finish {
  readonly kind: "done";
  readonly table: string;
  readonly summary: string;
  readonly report: string;
}

/** Writes `report.html` into the run folder and returns what to print. */
export async function finish(finished: Finished): Promise<Finish> {
  const { run, config, preset, model, results, seconds, flops, first, devices } = finished;
  const { rows } = readMetrics(run);
  const { seed, steps, batch, objective } = config.train;
  const count = (n: number): string => n.toLocaleString("en");
  const parameters = count(countParameters(model));
  const shown = objective === "classify" ? "pictures" : "pairs";
  const training = `${count(steps * batch)} ${shown} in ${count(steps)} steps${operations(flops)}`;
  const minutes = `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  const duration = first > 0 ? `${minutes} since it was resumed at step ${count(first)}` : minutes;
  const machine = `${cpus()[0]?.model.trim() ?? "unknown"}, ${devices} ${devices === 1 ? "device" : "devices"}`;
  const report = results.report({
    title: `siglip-ts: ${preset}, seed ${seed}`,
    config,
    batch,
    clipNorm: config.optim.clipNorm,
    metrics: rows.flatMap(metricRow),
    history: rows.flatMap(historyRow),
    facts: { parameters, training, duration, machine, kernels: kernelReport().why },
    versions: { "siglip-ts": version(), node: process.versions.node, v8: process.versions.v8 },
  });
  // Loaded only here: its chart library would slow the start of every command and device.
  const { renderReport } = await import("../report/index.ts");
  const file = join(run, "report.html");
  writeDurably(realFs, file, utf8(renderReport(report)));
  return {
    kind: "done",
    table: results.table,
    summary: `${parameters} parameters, ${training}, ${duration} on ${machine}`,
    report: file,
  };
}

/** `, 36,006 GFLOP`; nothing if unknown. */
function operations(flops: number): string {
  const gflop = flops / 1e9;
  const shown = gflop.toLocaleString("en", { maximumFractionDigits: gflop < 10 ? 2 : 0 });
  return Number.isNaN(flops) ? "" : `, ${shown} GFLOP`;
}

function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}

function metricRow({ step, loss, ...rest }: Metrics): MetricRow[] {
  if (loss === undefined && rest.testAccuracy === undefined) return [];
  const others = Object.entries(rest).map(([name, value]) => [name, Number(value)]);
  return [{ step, loss: Number(loss ?? Number.NaN), ...Object.fromEntries(others) }];
}

function historyRow(row: Metrics): EvaluationRow[] {
  if (!("textToImage.r1" in row)) return [];
  const recall = [1, 5, 10].map((k) => ({
    k,
    textToImage: Number(row[`textToImage.r${k}`]),
    imageToText: Number(row[`imageToText.r${k}`]),
  }));
  return [{ step: row.step, recall }];
}
