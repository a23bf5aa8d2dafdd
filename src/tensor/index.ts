/** The door of `tensor`. */
export * from "./heap.ts";
export * from "./random.ts";
export * from "./shape.ts";
export * from "./tensor.ts";
