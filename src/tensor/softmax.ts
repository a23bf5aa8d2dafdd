/** Softmax and log-sum-exp over the last axis, with the largest entry subtracted first: nothing overflows. */
import { kernelsFor } from "./select/select.ts";
import { ShapeError, show } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

const rowsOf = (op: string, x: Tensor): [rows: number, cols: number] => {
  if (x.shape.length === 0) throw new ShapeError(`${op}: ${show(x.shape)} has no last axis`);
  const cols = x.shape[x.shape.length - 1];
  return [cols === 0 ? 0 : x.size / cols, cols];
};

/** eˣ / Σ eˣ over the last axis. */
export function softmax(x: Tensor): Tensor {
  const out = empty("softmax", x.shape, x.dtype);
  kernelsFor(x.dtype).softmax(...rowsOf("softmax", x), x.address, out.address);
  return out;
}

/** Gradient of x, from y = softmax(x) and the gradient g of y: y ⊙ (g − ⟨g, y⟩). */
export function softmaxGrad(y: Tensor, g: Tensor): Tensor {
  const out = empty("gradient of softmax", y.shape, y.dtype);
  kernelsFor(y.dtype).softmaxGrad(...rowsOf("softmax", y), y.address, g.address, out.address);
  return out;
}

/** log Σ exp x over the last axis: [..., N] → [...]. */
export function logSumExp(x: Tensor): Tensor {
  const out = empty("logSumExp", x.shape.slice(0, -1), x.dtype);
  kernelsFor(x.dtype).logSumExp(...rowsOf("logSumExp", x), x.address, out.address);
  return out;
}
