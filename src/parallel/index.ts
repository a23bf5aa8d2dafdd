/** The door of `parallel`. */
export * from "./communicator.ts";
export * from "./errors.ts";
export * from "./exchange.ts";
export * from "./launch.ts";
export * from "./ops.ts";
export * from "./shards.ts";
export * from "./threads.ts";
