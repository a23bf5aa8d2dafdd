/** Public API of `siglip-ts` in a browser: the folders that need nothing of Node. A bundler takes it by the condition `browser`. */
export * as autograd from "./autograd/index.ts";
export * as evaluation from "./eval/index.ts";
export * as formats from "./formats/index.ts";
export * as nn from "./nn/index.ts";
export * as parallel from "./parallel/index.ts";
export * as siglip from "./siglip/index.ts";
export * as tensor from "./tensor/index.ts";
export * as tokenizers from "./tokenizers/index.ts";
