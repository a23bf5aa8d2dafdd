/** A device that computes its parts of the losses it is given, one after the other. */
import { runDevice } from "../../../src/parallel/launch.ts";
import { scope } from "../../../src/tensor/index.ts";
import { type Disturbance, disturb } from "../jitter.ts";
import { type Part, partOf, type Task } from "../shares.ts";

export interface LossesJob extends Disturbance {
  readonly tasks: readonly Task[];
}

runDevice<LossesJob, { parts: Part[]; poisoned: number }>(({ comm, config: job }) => {
  let poisoned = 0;
  comm.onReceive = (into) => {
    into.data.fill(Number.NaN);
    poisoned++;
  };
  disturb(job, comm.rank);
  const parts = job.tasks.map((task) => scope(() => partOf(task, comm)));
  return { parts, poisoned };
});
