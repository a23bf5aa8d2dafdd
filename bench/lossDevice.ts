/**
 * A device of the loss on two: rounds in which rank 0 does the whole batch alone, then all do their shares together.
 *
 * Both are timed in one run, in turns, so that other load affects both; while rank 0 works alone, the others sleep.
 */
import { alone } from "../src/parallel/index.ts";
import { runDevice } from "../src/parallel/launch.ts";
import { type Form, makeLoss } from "./lossCase.ts";

export interface LossTimes {
  readonly loss: number;
  /** Best seconds of rank 0 alone (meaningless on other ranks), and of all together. */
  readonly alone: number;
  readonly together: number;
}

export interface LossRounds {
  readonly form: Form;
  readonly batch: number;
  readonly width: number;
  readonly rounds: number;
}

runDevice<LossRounds, LossTimes>(({ comm, config: { form, batch, width, rounds }, step }) => {
  const whole = comm.rank === 0 ? makeLoss(form, batch, width, alone) : () => 0;
  const share = makeLoss(form, batch, width, comm);
  let loss = 0;
  const times = { alone: Number.POSITIVE_INFINITY, together: Number.POSITIVE_INFINITY };
  const timed = (what: keyof typeof times, body: () => number): void => {
    comm.barrier();
    const start = performance.now();
    loss = body();
    comm.barrier();
    times[what] = Math.min(times[what], (performance.now() - start) / 1e3);
  };
  for (let round = 0; round < rounds; round++) {
    step(round);
    timed("alone", whole);
    timed("together", share);
  }
  return { loss, ...times };
});
