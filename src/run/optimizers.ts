/** The optimizers of a run by name: which keys of `optim` each reads, beside those that all read, and how it is made. */
import type { Variable } from "../autograd/index.ts";
import { AdamW, adafactor, adam, lion, muon, type Optimizer, type OptimizerOptions, sgd } from "../nn/index.ts";

/** The keys of `optim` that some optimizers read. */
export interface OwnKeys {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly matrixLr: number;
}

interface Entry {
  readonly reads: readonly (keyof OwnKeys)[];
  readonly make: (parameters: ReadonlyMap<string, Variable>, shared: OptimizerOptions, own: OwnKeys) => Optimizer;
}

const OPTIMIZERS = {
  adamw: {
    reads: ["beta1", "beta2", "eps"],
    make: (parameters, shared, { beta1, beta2, eps }) => new AdamW(parameters, { ...shared, beta1, beta2, eps }),
  },
  adafactor: {
    reads: ["beta1", "beta2"],
    make: (parameters, shared, { beta1, beta2 }) => adafactor(parameters, { ...shared, beta1, beta2 }),
  },
  lion: {
    reads: ["beta1", "beta2"],
    make: (parameters, shared, { beta1, beta2 }) => lion(parameters, { ...shared, beta1, beta2 }),
  },
  adam: {
    reads: ["beta1", "beta2", "eps"],
    make: (parameters, shared, { beta1, beta2, eps }) => adam(parameters, { ...shared, beta1, beta2, eps }),
  },
  sgd: {
    reads: ["beta1"],
    make: (parameters, shared, { beta1 }) => sgd(parameters, { ...shared, momentum: beta1 }),
  },
  muon: {
    reads: ["beta1", "beta2", "eps", "matrixLr"],
    make: (parameters, shared, { beta1, beta2, eps, matrixLr }) =>
      muon(parameters, { ...shared, beta1, beta2, eps, matrixLr }),
  },
} as const satisfies Record<string, Entry>;

export type OptimizerName = keyof typeof OPTIMIZERS;

export const optimizerNames = Object.keys(OPTIMIZERS) as OptimizerName[];

/** The keys that were set for another optimizer, and why they are refused. */
export function keysWithoutEffect(
  optim: OwnKeys & { readonly name: OptimizerName },
  initial: OwnKeys,
): { keys: string[]; detail: string }[] {
  const { reads }: Entry = OPTIMIZERS[optim.name];
  const keys = (["beta1", "beta2", "eps", "matrixLr"] as const).filter((key) => !reads.includes(key));
  return keys
    .filter((key) => optim[key] !== initial[key])
    .map((key) => ({
      keys: [`optim.${key}`, "optim.name"],
      detail: `optim.${key} ${optim[key]} has no effect: optim.name ${optim.name} does not read it; leave it out`,
    }));
}

/** Makes an optimizer by name. */
export const makeOptimizer = (
  name: OptimizerName,
  parameters: ReadonlyMap<string, Variable>,
  shared: OptimizerOptions,
  own: OwnKeys,
): Optimizer => OPTIMIZERS[name].make(parameters, shared, own);
