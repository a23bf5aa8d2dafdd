/** Rows of a table by id, and the adjoint, for embedding tables. Ids are plain Int32Arrays. */
import { kernelsFor } from "./select/select.ts";
import { type Shape, ShapeError, show, sizeOf } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

/** A row id is outside the table. */
export class IndexError extends Error {
  override readonly name = "IndexError";
}

/** Throws `IndexError` if an id is none of 0..rows − 1. */
export function checkIds(op: string, ids: Int32Array, rows: number): void {
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] < 0 || ids[i] >= rows) {
      throw new IndexError(`${op}: entry ${i} is row ${ids[i]}, but the table has rows 0..${rows - 1}`);
    }
  }
}

/** table[ids]: [V, D] and ids of shape [...] give [..., D]. */
export function gather(table: Tensor, ids: Int32Array, shape: Shape = [ids.length]): Tensor {
  if (table.shape.length !== 2)
    throw new ShapeError(`gather: the table must be [rows, width], not ${show(table.shape)}`);
  if (sizeOf(shape) !== ids.length) throw new ShapeError(`gather: ${ids.length} ids do not fill ${show(shape)}`);
  const [rows, cols] = table.shape;
  checkIds("gather", ids, rows);
  const out = empty("gather", [...shape, cols], table.dtype);
  kernelsFor(table.dtype).gather(cols, table.address, ids, out.address);
  return out;
}

/** A table [rows, D] of zeros to which x[i] is added at row ids[i]; repeated rows accumulate.   x [..., D] */
export function scatterAdd(x: Tensor, ids: Int32Array, rows: number): Tensor {
  const cols = x.shape[x.shape.length - 1];
  if (x.size !== ids.length * cols)
    throw new ShapeError(`scatterAdd: ${ids.length} ids do not match the rows of x ${show(x.shape)}`);
  checkIds("scatterAdd", ids, rows);
  const out = empty("scatterAdd", [rows, cols], x.dtype);
  const kernels = kernelsFor(x.dtype);
  kernels.fill(out.size, 0, out.address);
  kernels.scatterAdd(cols, x.address, ids, out.address);
  return out;
}
