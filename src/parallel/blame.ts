/**
 * Who is to blame when a device reports an error: not always the one that noticed.
 *
 *   DeadlineError   the one at the end of the chain of ranks that wait for each other: it alone does not wait
 *   DesyncError     of the ranks at the same message, those that are in what fewest are in; of two such groups, the one
 *                   with the lowest rank (two ranks cannot know which of them is wrong: what rank 0 alone does is likelier)
 *   CorruptionError the one whose numbers are wrong, where the error can tell
 *   others          who reported it
 */
import type { DeviceState } from "./control.ts";
import { CorruptionError, DeadlineError, DesyncError } from "./errors.ts";

/** What is known of every rank. */
interface States {
  state(rank: number): Pick<DeviceState, "message" | "what" | "step" | "waitsFor">;
}

export function blame(control: States, size: number, reporter: number, error: Error): number {
  // Errors come from other threads: their names tell, not their classes.
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
