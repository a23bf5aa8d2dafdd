/** The end of a run: the table of results, the summary and the report. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { countParameters } from "../nn/index.ts";
import type { EvaluationRow, MetricRow } from "../report/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { kernelReport } from "../tensor/index.ts";
import type { Config } from "./config.ts";
import { type EmbeddedSet, type Evaluation, evaluationTable } from "./evaluation.ts";
import { realFs, utf8, writeDurably } from "./fs.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import type { ProbeResult } from "./probe.ts";
import { reportOf } from "./runReport.ts";

export interface Finished {
  readonly run: string;
  readonly config: Config;
  readonly preset: string;
  readonly model: SigLip;
  /** The test set shown in the report. */
  readonly set: EmbeddedSet;
  readonly evaluations: readonly Evaluation[];
  /** Undefined if the data has no labels. */
  readonly probe: ProbeResult | undefined;
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
export async function finish({
  run,
  config,
  preset,
  model,
  set,
  evaluations,
  probe,
  seconds,
  flops,
  first,
  devices,
}: Finished): Promise<Finish> {
  const { rows } = readMetrics(run);
  const { seed, steps, batch } = config.train;
  const count = (n: number): string => n.toLocaleString("en");
  const parameters = count(countParameters(model));
  const training = `${count(steps * batch)} pairs in ${count(steps)} steps${operations(flops)}`;
  const minutes = `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  const duration = first > 0 ? `${minutes} since it was resumed at step ${count(first)}` : minutes;
  const machine = `${cpus()[0]?.model.trim() ?? "unknown"}, ${devices} ${devices === 1 ? "device" : "devices"}`;
  const report = reportOf({
    title: `siglip-ts: ${preset}, seed ${seed}`,
    config,
    model,
    seed,
    set,
    evaluations,
    probe,
    metrics: rows.flatMap(metricRow),
    history: rows.flatMap(historyRow),
    facts: {
      parameters,
      training,
      duration,
      machine,
      kernels: kernelReport().why,
    },
    versions: { "siglip-ts": version(), node: process.versions.node, v8: process.versions.v8 },
  });
  // Loaded only here: its chart library would slow the start of every command and device.
  const { renderReport } = await import("../report/index.ts");
  const file = join(run, "report.html");
  writeDurably(realFs, file, utf8(renderReport(report)));
  return {
    kind: "done",
    table: evaluationTable(evaluations),
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

function metricRow({ step, loss, t, ...rest }: Metrics): MetricRow[] {
  if (loss === undefined) return [];
  const others = Object.entries(rest).map(([name, value]) => [name, Number(value)]);
  return [{ step, loss: Number(loss), t: Number(t), ...Object.fromEntries(others) }];
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
