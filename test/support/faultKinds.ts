/** The faults of a device, their places, and their reports; see devices/faulty.ts. */

export const OPS = ["shift", "allGather", "allReduce", "broadcast", "barrier"] as const;
export type Op = (typeof OPS)[number];

/** The fault at the place: it replaces the operation or changes it. */
export const KINDS = [
  "throws",
  "exits with 0",
  "exits with 1",
  "rejects",
  "throws outside its program",
  "never settles",
  "runs out of JavaScript heap",
  "runs out of WebAssembly memory",
  "traps",
  "loops",
  "loops in WebAssembly",
  "waits for ever",
  "skips",
  "repeats",
  "reorders",
  "has another shape",
  "has another dtype",
  "does something alone",
  "sends a flipped bit",
  "holds a flipped bit",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Fault {
  /** "reads for ever": from a pipe that nobody writes to, in a system call that cannot be interrupted. */
  readonly kind: Kind | "reads for ever" | "none";
  readonly rank: number;
  readonly op: Op;
  /** Path of the pipe, for "reads for ever". */
  readonly path?: string;
}

/** A flipped bit in numbers that nobody reads is harmless. */
export const isFault = ({ kind, rank, op }: Fault): boolean =>
  kind !== "sends a flipped bit" || (op === "broadcast" ? rank === 0 : op !== "barrier");

export const STEPS = 4;
export const FAULTY_STEP = 2;

/** When the fault was about to happen, as Date.now. */
export interface Report {
  readonly at: number;
}
