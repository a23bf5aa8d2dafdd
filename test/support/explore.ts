/**
 * Explores every interleaving of the devices of an exchange protocol, in a model of their shared memory.
 *
 * A device is a fixed list of actions, so its position determines its state: the messages that it has posted and finished, and
 * the contents of its buffers. Each state is visited once, depth first.
 */
import type { Action } from "../../src/parallel/exchange.ts";

/** An action and the number of its message, from 1. `write` writes the message before it is posted. */
export type Event = (Action | { readonly do: "write" }) & { readonly message: number };

/** The actions of one device for its exchanges, in order; posting is two of them: write, then raise the counter. */
export function events(exchanges: readonly Iterable<Action>[]): Event[] {
  return exchanges.flatMap((actions, i) =>
    [...actions].flatMap((action): Event[] => {
      const event = { ...action, message: i + 1 };
      return action.do === "post" ? [{ do: "write", message: i + 1 }, event] : [event];
    }),
  );
}

export interface Exploration {
  readonly states: number;
  /** The first failure, if any. */
  readonly failure?: string;
}

/** `buffers`: a message n lies in buffer n mod buffers of its sender. */
export function explore(devices: readonly (readonly Event[])[], buffers = 1): Exploration {
  // By device and position: the last message posted and finished, and the message in every buffer, after so many events.
  const facts = devices.map((list) => {
    const after = [{ posted: 0, done: 0, holds: new Array<number>(buffers).fill(0) }];
    for (const event of list) {
      const before = after[after.length - 1];
      after.push({
        posted: event.do === "post" ? event.message : before.posted,
        done: event.do === "finish" ? event.message : before.done,
        holds: event.do === "write" ? before.holds.with(event.message % buffers, event.message) : before.holds,
      });
    }
    return after;
  });
  const strides = devices.map((_, device) =>
    facts.slice(0, device).reduce((product, { length }) => product * length, 1),
  );
  const end = devices.reduce((code, list, device) => code + list.length * strides[device], 0);
  const seen = new Set<number>([0]);
  const stack = [0];
  while (stack.length > 0) {
    const code = stack.pop() as number;
    const at = devices.map((list, device) => Math.floor(code / strides[device]) % (list.length + 1));
    let moved = false;
    for (let device = 0; device < devices.length; device++) {
      const event = devices[device][at[device]];
      if (!event) continue;
      const of = (rank: number) => facts[rank][at[rank]];
      if (event.do === "awaitPosted" && of(event.rank).posted < event.message) continue;
      if (event.do === "awaitDone" && of(event.rank).done < event.message) continue;
      if (event.do === "read") {
        const found = of(event.rank).holds[event.message % buffers];
        if (found !== event.message) {
          return {
            states: seen.size,
            failure: `${device} reads message ${found} of ${event.rank} as ${event.message}`,
          };
        }
      }
      moved = true;
      const next = code + strides[device];
      if (!seen.has(next)) {
        seen.add(next);
        stack.push(next);
      }
    }
    if (!moved && code !== end) return { states: seen.size, failure: `deadlock at ${at.join(", ")}` };
  }
  return { states: seen.size };
}
