/**
 * The protocol of one exchange, as a step machine: what a rank does, one shared-memory action at a time.
 *
 * Every rank owns two counters that only it writes:
 *   posted   number of the last message it has laid out, where others may read it
 *   done     number of the last exchange in which it has read all it needs
 * A message lies in the memory of its sender. It may be overwritten when all its readers are done, and not before: with k
 * buffers in turn and no such wait, k devices on a ring happen to work and k + 1 do not.
 *
 * threads.ts performs the actions with Atomics; the tests explore every interleaving of them.
 */
export type Action =
  /** Describe the message and raise `posted`. */
  | { readonly do: "post" }
  /** Wait until `rank` has posted this message. */
  | { readonly do: "awaitPosted"; readonly rank: number }
  /** Compare descriptions, then read. */
  | { readonly do: "read"; readonly rank: number }
  /** Raise `done`. */
  | { readonly do: "finish" }
  /** Wait until `rank` is done with this exchange. */
  | { readonly do: "awaitDone"; readonly rank: number };

/** Ranks that this rank reads from, in the order of reading, and those that read from it. */
export interface Partners {
  readonly sources: readonly number[];
  readonly readers: readonly number[];
}

export function* exchange({ sources, readers }: Partners): Generator<Action, void, void> {
  yield { do: "post" };
  for (const rank of sources) {
    yield { do: "awaitPosted", rank };
    yield { do: "read", rank };
  }
  yield { do: "finish" };
  for (const rank of readers) yield { do: "awaitDone", rank };
}

/** Partners on the ring: what leaves by +1 arrives from −1. */
export const ringPartners = (rank: number, size: number, by: 1 | -1): Partners => ({
  sources: [(rank - by + size) % size],
  readers: [(rank + by + size) % size],
});

/** Everybody with everybody. */
export function allPartners(rank: number, size: number): Partners {
  const others = Array.from({ length: size }, (_, i) => i).filter((i) => i !== rank);
  return { sources: others, readers: others };
}
