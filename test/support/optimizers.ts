/** Every optimizer by name, with the same shared options. */
import type { Variable } from "../../src/autograd/index.ts";
import { Adafactor, Adam, AdamW, Lion, Muon, type Optimizer, type OptimizerOptions, Sgd } from "../../src/nn/index.ts";

export type Parameters = ReadonlyMap<string, Variable>;

export const OPTIMIZERS: Readonly<Record<string, (parameters: Parameters, options: OptimizerOptions) => Optimizer>> = {
  adamW: (parameters, options) => new AdamW(parameters, options),
  adam: (parameters, options) => new Adam(parameters, options),
  adafactor: (parameters, options) => new Adafactor(parameters, options),
  lion: (parameters, options) => new Lion(parameters, options),
  sgd: (parameters, options) => new Sgd(parameters, { ...options, nesterov: true }),
  muon: (parameters, options) => new Muon(parameters, options),
};
