/**
 * Public API of `parallel`: collectives, shards and the errors of a run on several devices. Runs in a browser; what starts
 * threads needs Node and is in launch.ts.
 */
export { alone, type Communicator } from "./communicator.ts";
export { AbortedError, CorruptionError, DeadlineError, DesyncError, DeviceError } from "./errors.ts";
export { allGather, ringShift } from "./ops.ts";
export { requireSameBits } from "./sameBits.ts";
export { ownedShards, type Range, ShardError, sumOverShards } from "./shards.ts";
export type { ThreadCommunicator } from "./threads.ts";
