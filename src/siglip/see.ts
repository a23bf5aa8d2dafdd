/** A listener for intermediate values, by name: for tests against other implementations, and for probes. */
import type { Variable } from "../autograd/index.ts";

export type See = (name: string, value: Variable) => void;
