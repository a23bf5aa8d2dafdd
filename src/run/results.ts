/** The end of a run: the table of results and the summary. */
import { countParameters } from "../nn/index.ts";
import type { ModelSnapshot } from "../report/index.ts";
import type { Config } from "./config.ts";
import type { TrainedModel } from "./model.ts";
import { machineName, showDevices, showTraining } from "./runReport.ts";
import { showTime } from "./showTime.ts";
import type { TaskResults } from "./task.ts";

export interface Finished {
  readonly config: Config;
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
  /** For the report. */
  readonly snapshot: ModelSnapshot;
}

/** What to print of a finished training, and its report. */
export function finish({ config, model, results, seconds, flops, first, devices }: Finished): Finish {
  const { steps } = config.train;
  const parameters = countParameters(model).toLocaleString("en");
  const since = first > 0 ? ` since it was resumed at step ${first.toLocaleString("en")}` : "";
  const machine = `${machineName()}, ${showDevices(devices)}`;
  const training = showTraining(config, steps, flops / 1e9);
  return {
    kind: "done",
    table: results.table,
    summary: `${parameters} parameters, ${training}, ${showTime(seconds)}${since} on ${machine}`,
    snapshot: { step: steps, ...results.snapshot },
  };
}
