/**
 * Tensors as text, in the style of NumPy: nested brackets, four significant digits in one notation, and an ellipsis in place
 * of the middle of a long axis.
 *
 *   tensor f32 [2, 3]
 *   [[ 1.   , -0.5  ,  2.25 ],
 *    [ 0.   ,  1.125, 10.   ]]
 */
import { type Shape, show, sizeOf } from "./shape.ts";

/** Tensors with more numbers are abbreviated. */
const MOST = 200;
/** Entries shown at each end of an abbreviated axis. */
const EDGE = 3;

/** Nested arrays of numbers, as deep as the tensor has axes; a number for a scalar. */
export type Nested = number | readonly Nested[];

export function nested(shape: Shape, data: ArrayLike<number>): Nested {
  const at = (axis: number, start: number, size: number): Nested => {
    if (axis === shape.length) return data[start];
    const part = size / shape[axis];
    return Array.from({ length: shape[axis] }, (_, i) => at(axis + 1, start + i * part, part));
  };
  return at(0, 0, sizeOf(shape));
}

/** A line with the shape, then the numbers. `kind` is the first word. */
export function printed(kind: string, dtype: string, shape: Shape, data: ArrayLike<number>): string {
  const head = `${kind} ${dtype} ${show(shape)}`;
  if (sizeOf(shape) === 0) return head;
  const shortened = sizeOf(shape) > MOST;
  /** Positions along an axis that are shown; undefined stands for the ellipsis. */
  const shown = (side: number): (number | undefined)[] =>
    shortened && side > 2 * EDGE + 1
      ? Array.from({ length: 2 * EDGE + 1 }, (_, i) =>
          i < EDGE ? i : i === EDGE ? undefined : side - 2 * EDGE - 1 + i,
        )
      : Array.from({ length: side }, (_, i) => i);

  const visible: number[] = [];
  const visit = (axis: number, start: number, size: number): void => {
    if (axis === shape.length) {
      visible.push(data[start]);
      return;
    }
    const part = size / shape[axis];
    for (const i of shown(shape[axis])) if (i !== undefined) visit(axis + 1, start + i * part, part);
  };
  visit(0, 0, sizeOf(shape));
  const write = notationFor(visible);
  const width = Math.max(...visible.map((x) => write(x).length));

  const text = (axis: number, start: number, size: number): string => {
    if (axis === shape.length) return write(data[start]).padStart(width);
    const part = size / shape[axis];
    const entries = shown(shape[axis]).map((i) => (i === undefined ? "..." : text(axis + 1, start + i * part, part)));
    const isRow = axis === shape.length - 1;
    const gap = isRow ? ", " : `,${"\n".repeat(shape.length - 1 - axis)}${" ".repeat(axis + 1)}`;
    return `[${entries.join(gap)}]`;
  };
  return `${head}\n${text(0, 0, sizeOf(shape))}`;
}

/** One notation for all of these numbers: fixed decimals where their sizes allow it, else scientific. */
function notationFor(values: readonly number[]): (x: number) => string {
  const sizes = values.filter((x) => Number.isFinite(x) && x !== 0).map(Math.abs);
  const [least, largest] = [Math.min(...sizes), Math.max(...sizes)];
  if (sizes.length > 0 && (largest >= 1e6 || largest < 1e-4 || largest / least > 1e6)) {
    return (x) => (Number.isFinite(x) ? x.toExponential(3) : String(x));
  }
  const digits = sizes.length === 0 ? 0 : Math.max(0, Math.min(8, 3 - Math.floor(Math.log10(largest))));
  const decimals = Math.max(0, ...values.map((x) => decimalsOf(x, digits)));
  return (x) => (Number.isFinite(x) ? x.toFixed(decimals) : String(x));
}

/** Decimals that x needs, rounded to `most` of them. */
function decimalsOf(x: number, most: number): number {
  if (!Number.isFinite(x)) return 0;
  return x.toFixed(most).replace(/0+$/, "").split(".")[1]?.length ?? 0;
}
