/**
 * A listener for intermediate values, by name: for tests against other implementations, and for probes.
 *
 * What it is shown may be gone after the call: copy what must stay.
 */
import type { Variable } from "../autograd/index.ts";

/** Is called with the name and the value of every intermediate. */
export type See = (name: string, value: Variable) => void;
