/**
 * Public API of `siglip-ts`: a namespace per folder. Each is also an entry point: `siglip-ts/siglip`, `siglip-ts/tensor`,
 * ... `siglip-ts/run`, `siglip-ts/parallel/launch`, `siglip-ts/parallel/launchBrowser`, `siglip-ts/parallel/browserDevice` and
 * `siglip-ts/engine` are entry points only.
 */
export * from "./browser.ts";
export * as data from "./data/index.ts";
export * as models from "./models/index.ts";
export * as photos from "./photos/index.ts";
