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

/**
 * Copies the numbers [begin, end) of a link between `stored`, which holds those alone, and the whole of our parameter.
 */
export function copyLink(
  link: Link,
  direction: "read" | "write",
  ours: Float32Array | Float64Array,
  stored: Float32Array | Float64Array,
  begin = 0,
  end = linkSize(link),
): void {
  const { rows, width, column, columns, order, rowAt, adds } = link;
  const stride = order === "rows" ? columns : rows;
  for (let at = begin; at < end; ) {
    const line = Math.floor(at / stride); // a row of ours, or a column
    const first = at - line * stride;
    const last = Math.min(stride, first + end - at);
    for (let k = first; k < last; k++) {
      const i = order === "rows" ? line * width + column + k : (rowAt ? rowAt[k] : k) * width + column + line;
      if (direction === "write") stored[at - begin] = ours[i];
      else ours[i] = adds ? Math.fround(ours[i] + stored[at - begin]) : stored[at - begin];
      at++;
    }
  }
}
