/** Rows as 8-bit codes, and inner products of them; the formulas are in interface.ts. */
import type { Heap } from "../../heap.ts";
import type { CodesKernels } from "./interface.ts";

export function plainCodes(heap: Heap): CodesKernels {
  const { memory } = heap;
  return {
    encodeRows(rows, cols, x, centre, codes, scale, error, length) {
      const X = new Float32Array(memory.buffer, x, rows * cols);
      const M = new Float32Array(memory.buffer, centre, cols);
      const C = new Int8Array(memory.buffer, codes, rows * cols);
      const y = new Float64Array(cols);
      for (let i = 0; i < rows; i++) {
        let [most, squares, errors] = [0, 0, 0];
        for (let k = 0; k < cols; k++) {
          y[k] = X[i * cols + k] - M[k];
          squares += y[k] * y[k];
          const size = Math.fround(Math.abs(y[k]));
          if (size > most) most = size;
        }
        const a = most / 127;
        const inverse = most === 0 ? 0 : 127 / most;
        for (let k = 0; k < cols; k++) {
          const code = Math.floor(y[k] * inverse + 0.5);
          C[i * cols + k] = code;
          errors += (y[k] - a * code) ** 2;
        }
        heap.f64[scale / 8 + i] = a;
        heap.f64[error / 8 + i] = Math.sqrt(errors);
        heap.f64[length / 8 + i] = Math.sqrt(squares);
      }
    },
    dotCodes(rows, cols, codes, query, out) {
      const [C, Q] = [new Int8Array(memory.buffer, codes, rows * cols), new Int16Array(memory.buffer, query, cols)];
      const O = new Int32Array(memory.buffer, out, rows);
      for (let i = 0; i < rows; i++) {
        let sum = 0; // an exact integer up to 2⁵³
        for (let k = 0; k < cols; k++) sum += C[i * cols + k] * Q[k];
        O[i] = sum;
      }
    },
  };
}
