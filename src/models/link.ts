/**
 * Where the numbers of our parameters lie in the tensors of a layout, in a form that serves reading and writing.
 *
 * A parameter is a matrix [R, C] (a vector: R = 1). A link says where `columns` columns of it, from `column` on, lie in a tensor:
 * in R·columns consecutive numbers from `start` on, in one of two orders.
 *
 *   rows      [R, columns]: as here                                  big_vision; embeddings, norms and biases of all
 *   columns   [columns, R]: transposed                               linear layers of PyTorch
 *
 * `rowAt` says which of our rows stands at a place of a stored one, if not the same: kernels of convolutions.
 */
import type { Shape } from "../tensor/index.ts";

/** The place of some columns of a parameter in a tensor. */
export interface Link {
  /** Our parameter: `image/encoder/blocks/0/attention/qkv/kernel`. */
  readonly path: string;
  /** Columns of the parameter in all, the first of the link, and their number. */
  readonly width: number;
  readonly column: number;
  readonly columns: number;
  /** R: rows of the parameter. */
  readonly rows: number;
  /** Their tensor, with the shape of all of it. */
  readonly name: string;
  readonly shape: Shape;
  /** The number of the tensor at which the link begins. */
  readonly start: number;
  readonly order: "rows" | "columns";
  readonly rowAt?: Uint32Array;
  /**
   * The numbers are added to those of links before: old files of big_vision store some
   * embeddings as two summands, which its loader adds in float32.
   */
  readonly adds?: boolean;
}

/** Numbers that a link covers. */
export const linkSize = (link: Link): number => link.rows * link.columns;

/** Whether the tensor holds all of the parameter, in the same order. */
export const isAsHere = ({ order, columns, width, rowAt, adds, shape, rows }: Link): boolean =>
  order === "rows" && columns === width && !rowAt && !adds && shape.reduce((a, b) => a * b, 1) === rows * width;

/** Stored numbers from one row or column of ours to the next; reading and writing are by whole lines. */
const lineOf = ({ order, rows, columns }: Link): number => (order === "rows" ? columns : rows);

/** The parts of a link, [begin, end) in the stored numbers: whole lines, and at most `numbers` unless a line is longer. */
export function* piecesOf(link: Link, numbers: number): Generator<readonly [begin: number, end: number]> {
  const line = lineOf(link);
  const step = Math.max(1, Math.floor(numbers / line)) * line;
  for (let begin = 0; begin < linkSize(link); begin += step) yield [begin, Math.min(begin + step, linkSize(link))];
}

type Numbers = Float32Array | Float64Array;

/** Copies whole lines of a link between `stored`, which holds those alone, from number `begin` on, and the whole of our parameter. */
export function copyLink(link: Link, direction: "read" | "write", ours: Numbers, stored: Numbers, begin = 0): void {
  const { width, column, order, rowAt, adds } = link;
  const line = lineOf(link);
  const [first, lines] = [begin / line, stored.length / line];
  if (rowAt || adds) {
    copyEach(link, direction, ours, stored, begin);
  } else if (order === "rows") {
    for (let at = 0; at < lines; at++) {
      const from = (first + at) * width + column;
      if (direction === "write") stored.set(ours.subarray(from, from + line), at * line);
      else ours.set(stored.subarray(at * line, (at + 1) * line), from);
    }
  } else {
    const part = ours.subarray(column + first);
    if (direction === "write") transpose(part, width, stored, line, lines, line);
    else transpose(stored, line, part, width, line, lines);
  }
}

/** One number after the other, for all links. */
function copyEach(link: Link, direction: "read" | "write", ours: Numbers, stored: Numbers, begin: number): void {
  const { width, column, order, rowAt, adds } = link;
  const line = lineOf(link);
  for (let j = 0; j < stored.length; j++) {
    const at = Math.floor((begin + j) / line);
    const k = (begin + j) % line;
    const i = order === "rows" ? at * width + column + k : (rowAt ? rowAt[k] : k) * width + column + at;
    if (direction === "write") stored[j] = ours[i];
    else ours[i] = adds ? Math.fround(ours[i] + stored[j]) : stored[j];
  }
}

/**
 * out[i, j] = x[j, i], i < rows, j < columns, with lines of `xWidth` and `outWidth` numbers. Eight columns at a time, in one line of
 * code each: JavaScript takes a sixth of the time that it takes for one.
 */
function transpose(x: Numbers, xWidth: number, out: Numbers, outWidth: number, rows: number, columns: number): void {
  const w = xWidth;
  let j = 0;
  for (; j + 8 <= columns; j += 8) {
    for (let i = 0; i < rows; i++) {
      const from = j * w + i;
      const to = i * outWidth + j;
      out[to] = x[from];
      out[to + 1] = x[from + w];
      out[to + 2] = x[from + 2 * w];
      out[to + 3] = x[from + 3 * w];
      out[to + 4] = x[from + 4 * w];
      out[to + 5] = x[from + 5 * w];
      out[to + 6] = x[from + 6 * w];
      out[to + 7] = x[from + 7 * w];
    }
  }
  for (; j < columns; j++) for (let i = 0; i < rows; i++) out[i * outWidth + j] = x[j * w + i];
}
