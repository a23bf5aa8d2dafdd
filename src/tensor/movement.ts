/**
 * Operations that move numbers without changing them. Reshapes, and slices of the leading axis or of all entries, share memory;
 * everything else copies, since tensors are contiguous.
 */
import { BYTES } from "./heap.ts";
import { kernelsFor } from "./select/select.ts";
import {
  axisOf,
  broadcastStrides,
  checkShape,
  requireSides,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
  stridesOf,
} from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

/** The same numbers in another shape; one side may be −1 and is computed. Shares memory. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireSides("reshape", shape);
  const known = shape.reduce((product, side) => (side === -1 ? product : product * side), 1);
  const resolved = shape.map((side) => (side === -1 ? x.size / known : side));
  const fits = sizeOf(resolved) === x.size && resolved.every(Number.isInteger);
  if (!fits || shape.indexOf(-1) !== shape.lastIndexOf(-1)) {
    throw new ShapeError(`reshape: ${show(x.shape)} has ${x.size} numbers and cannot be ${show(shape)}`);
  }
  checkShape("reshape", resolved);
  return x.view(resolved);
}

/** Axes in another order: permute(x, [0, 2, 1]) swaps the last two of three. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const axes = order.map((axis) => axisOf("permute", axis, x.shape));
  if (axes.length !== x.shape.length || new Set(axes).size !== axes.length) {
    throw new ShapeError(`permute: ${show(order)} does not name every axis of ${show(x.shape)} once`);
  }
  if (axes.every((axis, i) => axis === i)) return x.view(x.shape);
  const strides = stridesOf(x.shape);
  const shape = axes.map((axis) => x.shape[axis]);
  const out = empty("permute", shape, x.dtype);
  const read = axes.map((axis) => strides[axis]);
  kernelsFor(x.dtype).strided(shape, read, x.address, out.address);
  return out;
}

/** Swaps the last two axes. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length;
  if (rank < 2) throw new ShapeError(`transpose: ${show(x.shape)} has fewer than two axes`);
  return permute(
    x,
    x.shape.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i)),
  );
}

/** Repeats along new leading axes and along axes of length 1. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const strides = broadcastStrides("broadcastTo", x.shape, shape);
  const out = empty("broadcastTo", shape, x.dtype);
  kernelsFor(x.dtype).strided(shape, strides, x.address, out.address);
  return out;
}

/** Entries start..end−1 along an axis. Shares memory along the leading axis, and where it takes all entries. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = axisOf("slice", axis, x.shape);
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= x.shape[at])) {
    throw new ShapeError(`slice: ${start}..${end} is not a range of axis ${axis} of ${show(x.shape)}`);
  }
  const shape = x.shape.map((side, i) => (i === at ? end - start : side));
  const strides = stridesOf(x.shape);
  const first = start * strides[at];
  if (end - start === x.shape[at] || sizeOf(x.shape.slice(0, at)) === 1) return x.view(shape, Math.min(first, x.size));
  const out = empty("slice", shape, x.dtype);
  kernelsFor(x.dtype).strided(shape, strides, x.address + first * BYTES[x.dtype], out.address);
  return out;
}

/** Joins tensors along an axis; all other sides must be equal. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 0) throw new ShapeError("concat: the list of tensors is empty");
  const [head] = parts;
  const at = axisOf("concat", axis, head.shape);
  for (const part of parts) {
    const fits =
      part.shape.length === head.shape.length && part.shape.every((side, i) => i === at || side === head.shape[i]);
    if (!fits || part.dtype !== head.dtype) {
      throw new ShapeError(
        `concat: ${part.dtype} ${show(part.shape)} does not join ${head.dtype} ${show(head.shape)} along axis ${axis}`,
      );
    }
  }
  const total = parts.reduce((sum, part) => sum + part.shape[at], 0);
  const shape = head.shape.map((side, i) => (i === at ? total : side));
  const out = empty("concat", shape, head.dtype);
  const kernels = kernelsFor(head.dtype);
  const outer = sizeOf(shape.slice(0, at));
  const inner = sizeOf(shape.slice(at + 1));
  let column = 0;
  for (const part of parts) {
    const run = part.shape[at] * inner;
    for (let i = 0; i < outer; i++) {
      const to = (i * total * inner + column) * BYTES[head.dtype];
      kernels.copy(run, part.address + i * run * BYTES[head.dtype], out.address + to);
    }
    column += run;
  }
  return out;
}

/** Zeros before and after along an axis: the adjoint of `slice`. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  const at = axisOf("pad", axis, x.shape);
  const out = empty(
    "pad",
    x.shape.map((side, i) => (i === at ? before + side + after : side)),
    x.dtype,
  );
  const kernels = kernelsFor(x.dtype);
  kernels.fill(out.size, 0, out.address);
  const inner = stridesOf(x.shape)[at];
  const outer = sizeOf(x.shape.slice(0, at));
  const [run, step] = [x.shape[at] * inner, out.shape[at] * inner];
  for (let i = 0; i < outer; i++) {
    const [from, to] = [i * run, i * step + before * inner];
    kernels.copy(run, x.address + from * BYTES[x.dtype], out.address + to * BYTES[x.dtype]);
  }
  return out;
}
