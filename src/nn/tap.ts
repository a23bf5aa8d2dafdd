/**
 * A listener for intermediates, by name: for parity tests and probes.
 *
 * A value may be freed after the call: copy it to keep it.
 */
import type { Variable } from "../autograd/index.ts";

/** Receives the name and the value of every intermediate. */
export type Tap = (name: string, value: Variable) => void;
