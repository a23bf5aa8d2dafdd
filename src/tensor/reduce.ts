/** Sums, means and maxima over axes. Without `axis` they reduce everything to a scalar `[]`. Sums accumulate in f64. */

import { mul } from "./elementwise.ts";
import { permute, reshape } from "./movement.ts";
import { kernelsFor } from "./select/select.ts";
import { axisOf, broadcastShapes, type Shape, ShapeError, sameShape, show, sizeOf } from "./shape.ts";
import { empty, full, type Tensor } from "./tensor.ts";

/** Options of reductions. */
export interface Axes {
  /** One axis, several, or all by default. */
  readonly axis?: number | readonly number[];
  /** Leave reduced axes in the shape, with length 1. */
  readonly keepDims?: boolean;
}

/** Resolved axes, ascending. Throws `ShapeError`. */
export function axesOf(op: string, shape: Shape, axis: Axes["axis"]): number[] {
  if (axis === undefined) return shape.map((_, i) => i);
  const axes = (typeof axis === "number" ? [axis] : axis).map((a) => axisOf(op, a, shape));
  if (new Set(axes).size !== axes.length) throw new ShapeError(`${op}: axes ${show(axes)} repeat`);
  return axes.sort((a, b) => a - b);
}

/** The shape with the given axes removed, or of length 1. */
export const reducedShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  keepDims ? shape.map((side, i) => (axes.includes(i) ? 1 : side)) : shape.filter((_, i) => !axes.includes(i));

type RowReduction = "sumAlongRows" | "maxAlongRows";

function reduce(op: string, kernel: RowReduction, x: Tensor, { axis, keepDims = false }: Axes): Tensor {
  const axes = axesOf(op, x.shape, axis);
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const cols = sizeOf(axes.map((i) => x.shape[i]));
  const rows = sizeOf(kept.map((i) => x.shape[i]));
  const out = empty(op, reducedShape(x.shape, axes, keepDims), x.dtype);
  const leading = axes.every((axis, i) => axis === i);
  if (kernel === "sumAlongRows" && leading && rows > 1) {
    kernelsFor(x.dtype).sumOverRows(cols, rows, x.address, out.address);
  } else {
    const ordered = permute(x, [...kept, ...axes]);
    kernelsFor(x.dtype)[kernel](rows, cols, ordered.address, out.address);
  }
  return out;
}

/** Sums over some axes. */
export const sum = (x: Tensor, axes: Axes = {}): Tensor => reduce("sum", "sumAlongRows", x, axes);

/** Means over some axes. */
export function mean(x: Tensor, axes: Axes = {}): Tensor {
  const count = sizeOf(axesOf("mean", x.shape, axes.axis).map((i) => x.shape[i]));
  return mul(sum(x, axes), 1 / count);
}

/** The largest entries over some axes; −∞ over an empty axis. */
export const max = (x: Tensor, axes: Axes = {}): Tensor => reduce("max", "maxAlongRows", x, axes);

/** Σ x as a number, accumulated in f64 and not rounded to the tensor's type. */
export const total = (x: Tensor): number => kernelsFor(x.dtype).sum(x.size, x.address);

/** Σ x² as a number, accumulated in f64: for norms. */
export const sumSquares = (x: Tensor): number => kernelsFor(x.dtype).sumSquares(x.size, x.address);

/** Sums x to `shape`, over what broadcasting repeated: the adjoint of `broadcastTo`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcastShapes("sumTo", shape, x.shape), x.shape)) {
    throw new ShapeError(`sumTo: ${show(shape)} does not broadcast to ${show(x.shape)}`);
  }
  if (x.size === 0) return full(shape, 0, x.dtype);
  const lead = x.shape.length - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(sum(x, { axis: axes }), shape);
}
