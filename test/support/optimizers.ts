/** Every optimizer by name, with the same shared options. */
import type { Variable } from "../../src/autograd/index.ts";
import { AdamW, adafactor, adam, lion, muon, type Optimizer, type OptimizerOptions, sgd } from "../../src/nn/index.ts";

export type Parameters = ReadonlyMap<string, Variable>;

export const OPTIMIZERS: Readonly<Record<string, (parameters: Parameters, options: OptimizerOptions) => Optimizer>> = {
  adamW: (parameters, options) => new AdamW(parameters, options),
  adam: (parameters, options) => adam(parameters, options),
  adafactor: (parameters, options) => adafactor(parameters, options),
  lion: (parameters, options) => lion(parameters, options),
  sgd: (parameters, options) => sgd(parameters, { ...options, nesterov: true }),
  muon: (parameters, options) => muon(parameters, options),
};
