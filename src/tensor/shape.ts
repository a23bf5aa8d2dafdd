/**
 * Shapes, broadcasting and their errors. Integers only: nothing here reads the numbers of a tensor.
 *
 * Tensors are contiguous and row-major, so the shape determines the layout.
 */

/** Sides of a tensor, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** A shape that does not fit an operation. The message names the operation, the shapes and what to change. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** `[2, 3]`, as every message writes a shape. */
export const show = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Number of elements; 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]; // hot: an iterator would cost
  return size;
}

/** Throws `ShapeError` unless a shape is an array. */
export function requireSides(op: string, shape: Shape): void {
  if (Array.isArray(shape)) return;
  throw new ShapeError(`${op}: the shape must be an array, such as [2, 3], not ${JSON.stringify(shape) ?? "left out"}`);
}

export function checkShape(op: string, shape: Shape): void {
  requireSides(op, shape);
  for (const side of shape) {
    if (!Number.isSafeInteger(side) || side < 0) {
      throw new ShapeError(`${op}: ${show(shape)} is not a shape; every side must be an integer of at least 0`);
    }
  }
}

/** Whether two shapes are equal. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((side, i) => side === b[i]);

/** Axis in 0..rank−1; negative axes count from the end. */
export function axisOf(op: string, axis: number, shape: Shape): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= shape.length) {
    throw new ShapeError(`${op}: axis ${axis} is not an axis of ${show(shape)}`);
  }
  return resolved;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** The shape that two shapes broadcast to: aligned at the last axis, sides equal or 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(`${op}: ${show(a)} and ${show(b)} do not broadcast (${x} against ${y})`);
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides that read `shape` as if it were `target`: 0 along every axis that is repeated. */
export function broadcastStrides(op: string, shape: Shape, target: Shape): number[] {
  if (!sameShape(broadcastShapes(op, shape, target), target)) {
    throw new ShapeError(`${op}: ${show(shape)} does not broadcast to ${show(target)}`);
  }
  const lead = target.length - shape.length;
  const own = stridesOf(shape);
  return target.map((side, i) => (i < lead || shape[i - lead] !== side ? 0 : own[i - lead]));
}
