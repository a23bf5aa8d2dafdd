/**
 * Public API of `siglip-ts`: a namespace per folder. Each is also an entry point: `siglip-ts/siglip`, `siglip-ts/tensor`,
 * ... `siglip-ts/run`, `siglip-ts/parallel/launch`, `siglip-ts/parallel/launchBrowser`, `siglip-ts/parallel/browserDevice` and
 * `siglip-ts/engine` are entry points only.
 */
export * as autograd from "./autograd/index.ts";
export * as data from "./data/index.ts";
export * as evaluation from "./eval/index.ts";
export * as formats from "./formats/index.ts";
export * as models from "./models/index.ts";
export * as nn from "./nn/index.ts";
export * as parallel from "./parallel/index.ts";
export * as siglip from "./siglip/index.ts";
export * as tensor from "./tensor/index.ts";
export * as tokenizers from "./tokenizers/index.ts";
