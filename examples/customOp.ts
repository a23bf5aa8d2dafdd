/** A custom operation: value and derivative in one place, and a check that they agree. */
import { add, backward, gradcheck, op, parameter, square, sum } from "siglip-ts/autograd";
import * as T from "siglip-ts/tensor";

/** Swish, x·σ(βx) (Ramachandran et al. 2017, arXiv:1710.05941); d swish = (σ(βx) + βx·σ(βx)·σ(−βx)) dx. */
const swish = op("swish", (x: T.Tensor, beta: number) => {
  const gate = T.sigmoid(T.mul(x, beta));
  const value = T.mul(x, gate);
  const slope = T.mul(T.mul(value, beta), T.sub(1, gate));
  return { value, vjps: [(g) => T.mul(g, T.add(gate, slope))] };
});

// Checked against central differences, in f64.
const { error } = gradcheck((x) => sum(square(swish(x, 1.5))), [T.tensor([-3, -0.5, 0, 0.5, 3], [5], "f64")]);
console.log(`largest difference from central differences: ${error.toExponential(1)}`);

// Used like any other operation.
const x = parameter(T.tensor([-1, 0, 1], [3]));
backward(sum(add(swish(x, 1), 1)));
console.log(`gradient of Σ (swish(x) + 1): ${x.grad}`);
