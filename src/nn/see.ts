/**
 * A listener for intermediate values, by name: for tests against other implementations, and for probes.
 *
 * What it is shown may be gone after the call: copy what must stay.
 */
import type { Variable } from "../autograd/index.ts";

export type See = (name: string, value: Variable) => void;
