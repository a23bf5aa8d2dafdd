/** Rows as 8-bit codes, and inner products of them; the formulas are in interface.ts. */
import type { Heap } from "../../heap.ts";
import type { CodesKernels } from "./interface.ts";

export function plainCodes(heap: Heap): CodesKernels {
  const { memory } = heap;
  return {
    encodeRows(rows, cols, x, codes, scale, error, length) {
      const [X, C] = [
        new Float32Array(memory.buffer, x, rows * cols),
        new Int8Array(memory.buffer, codes, rows * cols),
      ];
      for (let i = 0; i < rows; i++) {
        let [most, squares, errors] = [0, 0, 0];
        for (let k = i * cols; k < (i + 1) * cols; k++) {
          if (Math.abs(X[k]) > most) most = Math.abs(X[k]);
          squares += X[k] * X[k];
        }
        const a = most / 127;
        const inverse = most === 0 ? 0 : 127 / most;
        for (let k = i * cols; k < (i + 1) * cols; k++) {
          C[k] = Math.floor(X[k] * inverse + 0.5);
          const lost = X[k] - a * C[k];
          errors += lost * lost;
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
