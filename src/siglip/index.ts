/** The door of `siglip`. */
export { NonFiniteError } from "../nn/index.ts";
export * from "./chunkedLoss.ts";
export * from "./config.ts";
export * from "./fusedLoss.ts";
export * from "./gatheredLoss.ts";
export * from "./imageTower.ts";
export * from "./loss.ts";
export * from "./memory.ts";
export * from "./model.ts";
export * from "./softmaxLoss.ts";
export * from "./step.ts";
export * from "./textTower.ts";
