/** The end of a run: the table of results and the summary. */
import { countParameters } from "../nn/index.ts";
import type { ModelSnapshot } from "../report/index.ts";
import type { SigLip } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import { type Evaluation, evaluationTable } from "./evaluation.ts";
import { machineName, showDevices, showDuration, showTraining } from "./runReport.ts";

export interface Finished {
  readonly config: Config;
  readonly model: SigLip;
  readonly evaluations: readonly Evaluation[];
  readonly snapshot: ModelSnapshot;
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
export function finish({ config, model, evaluations, snapshot, seconds, flops, first, devices }: Finished): Finish {
  const { steps, batch } = config.train;
  const parameters = countParameters(model).toLocaleString("en");
  const since = first > 0 ? ` since it was resumed at step ${first.toLocaleString("en")}` : "";
  const machine = `${machineName()}, ${showDevices(devices)}`;
  const training = showTraining(steps, batch, flops / 1e9);
  return {
    kind: "done",
    table: evaluationTable(evaluations),
    summary: `${parameters} parameters, ${training}, ${showDuration(seconds)}${since} on ${machine}`,
    snapshot,
  };
}
