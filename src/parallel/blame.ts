/**
 * The rank that caused an error: not always the one that reported it.
 *
 *   DeadlineError   the last of the chain of ranks that wait for each other: only this one does not wait
 *   DesyncError     among the ranks at the same message, the smallest group in the same operation; of two groups of equal
 *                   size, the one with the lowest rank (with two ranks it is likelier that rank 0 does something extra)
 *   CorruptionError the rank with the wrong numbers, if the error names it
 *   others          the rank that reported it
 */
import type { DeviceState } from "./control.ts";
import { CorruptionError, DeadlineError, DesyncError } from "./errors.ts";

/** The state of every rank. */
interface States {
  state(rank: number): Pick<DeviceState, "message" | "what" | "step" | "waitsFor">;
}

/** The rank to blame for `error`, which rank `reporter` reported. */
export function blame(control: States, size: number, reporter: number, error: Error): number {
  // Errors come from other threads, where they lose their class: compare names.
  if (error.name === DeadlineError.name) return lateOne(control, size, reporter);
  if (error.name === DesyncError.name) return oddOne(control, size, reporter);
  if (error.name === CorruptionError.name) return (error as Partial<CorruptionError>).suspects?.[0] ?? reporter;
  return reporter;
}

function lateOne(control: States, size: number, reporter: number): number {
  let rank = reporter;
  for (let steps = 0; steps < size; steps++) {
    const { waitsFor } = control.state(rank);
    if (waitsFor === undefined) break;
    rank = waitsFor;
  }
  return rank;
}

function oddOne(control: States, size: number, reporter: number): number {
  const { message } = control.state(reporter);
  const groups = new Map<string, number[]>();
  for (let rank = 0; rank < size; rank++) {
    const state = control.state(rank);
    if (state.message !== message) continue;
    const what = `${state.what} at step ${state.step}`;
    groups.set(what, [...(groups.get(what) ?? []), rank]);
  }
  const [smallest] = [...groups.values()].sort((a, b) => a.length - b.length || a[0] - b[0]);
  return smallest[0];
}
