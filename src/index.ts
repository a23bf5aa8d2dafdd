/**
 * The public door: a namespace per folder. Each is also a door of its own, `siglip-ts/siglip`, `siglip-ts/tensor`, ...
 */
export * as autograd from "./autograd/index.ts";
export * as data from "./data/index.ts";
export * as evaluation from "./eval/index.ts";
export * as formats from "./formats/index.ts";
export * as nn from "./nn/index.ts";
export * as parallel from "./parallel/index.ts";
export * as siglip from "./siglip/index.ts";
export * as tensor from "./tensor/index.ts";
