/** A loss of src/siglip on plain arrays, with all its gradients, in either precision. */
import { backward, noGrad, parameter, type Variable } from "../../src/autograd/index.ts";
import { pairLogits, sigmoidLoss } from "../../src/siglip/index.ts";
import { type DType, scope, tensor } from "../../src/tensor/index.ts";
import type { Gradients, Pairs } from "./referenceLoss.ts";

export type LossFunction = (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable) => Variable;

const leaves = ({ n, d, x, y, tPrime, b }: Pairs, dtype: DType) =>
  [
    parameter(tensor(x, [n, d], dtype)),
    parameter(tensor(y, [n, d], dtype)),
    parameter(tensor([tPrime], [], dtype)),
    parameter(tensor([b], [], dtype)),
  ] as const;

/** Value and gradients; dB is NaN if the loss does not depend on b. */
export const engineLoss = (pairs: Pairs, dtype: DType, loss: LossFunction = sigmoidLoss): Gradients =>
  scope(() => {
    const [x, y, tPrime, b] = leaves(pairs, dtype);
    const L = loss(x, y, tPrime, b);
    const value = L.value.item();
    backward(L);
    const out = {
      loss: value,
      dX: x.grad?.toArray() ?? [],
      dY: y.grad?.toArray() ?? [],
      dTPrime: tPrime.grad?.item() ?? Number.NaN,
      dB: b.grad?.item() ?? Number.NaN,
    };
    for (const leaf of [x, y, tPrime, b]) leaf.grad = undefined;
    return out;
  });

/** Only the value. */
export const engineValue = (pairs: Pairs, dtype: DType, loss: LossFunction = sigmoidLoss): number =>
  scope(() => noGrad(() => loss(...leaves(pairs, dtype)).value.item()));

export const engineLogits = (pairs: Pairs, dtype: DType): ArrayLike<number> =>
  scope(() => noGrad(() => pairLogits(...leaves(pairs, dtype)).value.toArray()));

/** Pairs whose logits are exactly the given matrix [n, n]: X = logits, Y = I, t′ = b = 0. */
export function pairsOfLogits(n: number, logits: ArrayLike<number>): Pairs {
  const y = new Float64Array(n * n);
  for (let i = 0; i < n; i++) y[i * n + i] = 1;
  return { n, d: n, x: Float64Array.from(logits), y, tPrime: 0, b: 0 };
}
