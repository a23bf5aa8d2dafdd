/**
 * The sigmoid loss with one of eight faults, each as close to the right one as it is in the programs that have it.
 *
 *     L = −(1/n) Σᵢ Σⱼ log σ(zᵢⱼ·ℓᵢⱼ),   ℓᵢⱼ = t·⟨xᵢ, yⱼ⟩ + b,   t = exp t′
 *
 * All n × n pairs at once, so that a fault is a change of one line. Faults of several devices are those of eight with n/8 pairs each,
 * whose own blocks lie on the diagonal.
 */
import { add, constant, div, exp, logSigmoid, matmul, mul, neg, sum, type Variable } from "../../src/autograd/index.ts";
import { softmaxLoss } from "../../src/siglip/index.ts";
import { generate, type Tensor } from "../../src/tensor/index.ts";
import type { LossName } from "./state.ts";

/** Embeddings of a batch and the parameters of the loss. */
export interface Inputs {
  readonly x: Variable;
  readonly y: Variable;
  readonly tPrime: Variable;
  readonly b: Variable;
}
type Loss = (inputs: Inputs) => Variable;

const DEVICES = 8;

/** A matrix of all pairs of the rows of x.   [n, n] */
const pairs = ({ shape: [n], value }: Variable, of: (i: number, j: number) => number): Tensor =>
  generate([n, n], (k) => of(Math.floor(k / n), k % n), value.dtype);

const label = (i: number, j: number): number => (i === j ? 1 : -1);

/** Which pairs are of one device. */
const isLocal =
  (n: number) =>
  (i: number, j: number): boolean =>
    Math.floor((i * DEVICES) / n) === Math.floor((j * DEVICES) / n);

const similarities = (x: Variable, y: Variable): Variable => matmul(x, y, { transposeB: true });

/** −(1/n) Σ c·log σ(z·ℓ), where c is 1 for all pairs unless given. */
function pairLoss(logits: Variable, z = label, c: (i: number, j: number) => number = () => 1): Variable {
  return div(neg(sum(mul(logSigmoid(mul(logits, pairs(logits, z))), pairs(logits, c)))), logits.shape[0]);
}

const right: Loss = ({ x, y, tPrime, b }) => pairLoss(add(mul(similarities(x, y), exp(tPrime)), b));

/** The right loss and those with a fault. */
export const LOSSES: Readonly<Record<LossName, Loss>> = {
  right,
  nSquared: (inputs) => div(right(inputs), inputs.x.shape[0]),
  noBias: ({ x, y, tPrime }) => pairLoss(mul(similarities(x, y), exp(tPrime))),
  biasZero: right, // b starts at 0: see `training.ts`
  localNegatives({ x, y, tPrime, b }) {
    const local = isLocal(x.shape[0]);
    return pairLoss(add(mul(similarities(x, y), exp(tPrime)), b), label, (i, j) => (local(i, j) ? 1 : 0));
  },
  labelSign: ({ x, y, tPrime, b }) => pairLoss(add(mul(similarities(x, y), exp(tPrime)), b), (i, j) => -label(i, j)),
  rawT: ({ x, y, tPrime, b }) => pairLoss(add(mul(similarities(x, y), tPrime), b)),
  detachedTexts({ x, y, tPrime, b }) {
    const local = isLocal(x.shape[0]);
    const isOwn = pairs(x, (i, j) => (local(i, j) ? 1 : 0));
    const isReceived = pairs(x, (i, j) => (local(i, j) ? 0 : 1));
    const own = mul(similarities(x, y), isOwn);
    const received = mul(similarities(x, constant(y.value)), isReceived);
    return pairLoss(add(mul(add(own, received), exp(tPrime)), b));
  },
  softmax: ({ x, y, tPrime }) => softmaxLoss(x, y, tPrime),
};
