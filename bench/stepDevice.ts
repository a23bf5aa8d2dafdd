/**
 * A device of the step on two: rounds in which rank 0 does the whole batch alone, then all do their shares together.
 *
 * Both are timed in one run, in turns, so that other load affects both; while rank 0 works alone, the others sleep.
 */
import { runDevice } from "../src/parallel/launch.ts";
import { makeStep, type StepResult } from "./vit.ts";

export interface StepTimes extends StepResult {
  /** Best seconds of a step of rank 0 alone (meaningless on other ranks), and of all together. */
  readonly alone: number;
  readonly together: number;
}

runDevice<{ rounds: number }, StepTimes>(({ comm, config: { rounds }, step }) => {
  const whole = comm.rank === 0 ? makeStep() : () => {};
  const share = makeStep(comm);
  let result = share();
  const times = { alone: Number.POSITIVE_INFINITY, together: Number.POSITIVE_INFINITY };
  const timed = (what: keyof typeof times, body: () => void): void => {
    comm.barrier();
    const start = performance.now();
    body();
    comm.barrier();
    times[what] = Math.min(times[what], (performance.now() - start) / 1e3);
  };
  for (let round = 0; round < rounds; round++) {
    step(round);
    timed("alone", whole);
    timed("together", () => {
      result = share();
    });
  }
  return { ...result, ...times };
});
