/**
 * The protocol of one exchange as a state machine: the actions of a rank on shared memory, one at a time.
 *
 * Every rank owns two counters that only it writes:
 *   posted   number of the last message that it has made readable
 *   done     number of the last exchange from which it has read all it needs
 * A message stays in the memory of its sender, which may overwrite it only when all its readers are done. Without that wait, k
 * alternating buffers happen to work for k devices on a ring and fail for k + 1.
 *
 * threads.ts performs the actions with Atomics; the tests explore every interleaving of them.
 */

/** One action of a rank in an exchange. */
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

/** The ranks that this rank reads from, in that order, and the ranks that read from it. */
export interface Partners {
  readonly sources: readonly number[];
  readonly readers: readonly number[];
}

/** The actions of a rank in one exchange with its partners. */
export function* exchange({ sources, readers }: Partners): Generator<Action, void, void> {
  yield { do: "post" };
  for (const rank of sources) {
    yield { do: "awaitPosted", rank };
    yield { do: "read", rank };
  }
  yield { do: "finish" };
  for (const rank of readers) yield { do: "awaitDone", rank };
}

/** Partners in a shift on the ring: a rank that sends by +1 receives from −1. */
export const ringPartners = (rank: number, size: number, by: 1 | -1): Partners => ({
  sources: [(rank - by + size) % size],
  readers: [(rank + by + size) % size],
});

/** Partners in an exchange of all ranks with all. */
export function allPartners(rank: number, size: number): Partners {
  const others = Array.from({ length: size }, (_, i) => i).filter((i) => i !== rank);
  return { sources: others, readers: others };
}
