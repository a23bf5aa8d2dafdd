/** Operations that move numbers; the gradient moves back. */

import type { Shape, Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { type Lifted, op } from "./op.ts";
import type { Variable } from "./variable.ts";

/** The same numbers under another shape; one side may be −1 and is computed. */
export const reshape = op("reshape", (x: Tensor, shape: Shape) => ({
  value: T.reshape(x, shape),
  vjps: [(g) => T.reshape(g, x.shape)],
}));

/** Axes in another order: axis i of the result is axis order[i] of x. */
export const permute = op("permute", (x: Tensor, order: readonly number[]) => ({
  value: T.permute(x, order),
  vjps: [
    (g) =>
      T.permute(
        g,
        order.map((_, i) => order.findIndex((axis) => (axis + order.length) % order.length === i)),
      ),
  ],
}));

/** Swaps the last two axes. */
export const transpose = op("transpose", (x: Tensor) => ({ value: T.transpose(x), vjps: [(g) => T.transpose(g)] }));

/** Repeats x along axes of length 1 and along new leading axes. */
export const broadcastTo = op("broadcastTo", (x: Tensor, shape: Shape) => ({
  value: T.broadcastTo(x, shape),
  vjps: [(g) => g], // summed to x's shape by the engine
}));

/** Entries start..end−1 along an axis. */
export const slice = op("slice", (x: Tensor, axis: number, start: number, end: number) => ({
  value: T.slice(x, axis, start, end),
  vjps: [(g) => T.pad(g, axis, start, x.shape[T.axisOf("slice", axis, x.shape)] - end)],
}));

const joined = op("concat", (axis: number, ...parts: Tensor[]) => {
  const at = T.axisOf("concat", axis, parts[0].shape);
  let start = 0;
  const starts = parts.map((part) => {
    start += part.shape[at];
    return start - part.shape[at];
  });
  return {
    value: T.concat(parts, axis),
    vjps: [undefined, ...parts.map((part, i) => (g: Tensor) => T.slice(g, at, starts[i], starts[i] + part.shape[at]))],
  };
});

/** Joins tensors along an axis. */
export const concat = Object.assign((parts: Lifted<Tensor[]>, axis: number): Variable => joined(axis, ...parts), {
  opName: joined.opName,
});
