/** The door of `parallel`. What starts threads needs Node and has a door of its own, launch.ts: a browser can run the rest. */
export * from "./communicator.ts";
export * from "./control.ts";
export * from "./errors.ts";
export * from "./exchange.ts";
export * from "./hash.ts";
export * from "./ops.ts";
export * from "./sameBits.ts";
export * from "./shards.ts";
export * from "./threads.ts";
