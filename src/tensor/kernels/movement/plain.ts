/** Numbers moved without arithmetic. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { MovementKernels } from "./interface.ts";

export function plainMovement(heap: Heap, dtype: DType): MovementKernels {
  const bytes = BYTES[dtype];
  return {
    fill(n, value, out) {
      heap[dtype].fill(value, out / bytes, out / bytes + n);
    },
    copy(n, x, out) {
      heap[dtype].copyWithin(out / bytes, x / bytes, x / bytes + n);
    },
    strided(shape, strides, x, out) {
      const H = heap[dtype];
      let O = out / bytes;
      const last = shape.length - 1;
      const walk = (axis: number, X: number): void => {
        if (axis > last) {
          H[O++] = H[X];
        } else if (axis === last && strides[axis] === 1) {
          H.copyWithin(O, X, X + shape[axis]);
          O += shape[axis];
        } else {
          for (let i = 0; i < shape[axis]; i++) walk(axis + 1, X + i * strides[axis]);
        }
      };
      walk(0, x / bytes);
    },
    gather(cols, table, ids, out) {
      const H = heap[dtype];
      for (let i = 0; i < ids.length; i++) {
        const from = table / bytes + ids[i] * cols;
        H.copyWithin(out / bytes + i * cols, from, from + cols);
      }
    },
    scatterAdd(cols, x, ids, out) {
      const H = heap[dtype];
      for (let i = 0; i < ids.length; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + ids[i] * cols;
        for (let j = 0; j < cols; j++) H[O + j] += H[X + j];
      }
    },
  };
}
