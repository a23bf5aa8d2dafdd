/** Sums, means and maxima. The gradient of a sum is the gradient of the result, repeated; that of a maximum goes to the largest entries. */
import * as T from "../tensor/index.ts";
import { type Axes, axesOf, reducedShape, type Tensor } from "../tensor/index.ts";
import { op } from "./op.ts";

/** g repeated along the reduced axes. */
function spread(op: string, g: Tensor, x: Tensor, axes: Axes): Tensor {
  const kept = reducedShape(x.shape, axesOf(op, x.shape, axes.axis), true);
  return T.broadcastTo(T.reshape(g, kept), x.shape);
}

/** The sum over some axes, all by default. */
export const sum = op("sum", (x: Tensor, axes: Axes = {}) => ({
  value: T.sum(x, axes),
  vjps: [(g) => spread("sum", g, x, axes)],
}));

/** The mean over some axes, all by default. */
export const mean = op("mean", (x: Tensor, axes: Axes = {}) => {
  const value = T.mean(x, axes);
  return { value, vjps: [(g) => spread("mean", T.mul(g, value.size / x.size), x, axes)] };
});

/** The maximum over some axes, all by default; equal maxima share the gradient, as in JAX and PyTorch's `amax`. */
export const max = op("max", (x: Tensor, axes: Axes = {}) => {
  const value = T.max(x, axes);
  return {
    value,
    vjps: [
      (g) => {
        const below = T.sub(spread("max", value, x, axes), x);
        const isLargest = T.sub(1, T.sign(below)); // 1 at every maximum, 0 elsewhere
        return T.mul(spread("max", T.div(g, T.sum(isLargest, axes)), x, axes), isLargest);
      },
    ],
  };
});
