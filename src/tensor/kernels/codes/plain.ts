/** Inner products of rows of 8-bit codes. */
import type { Heap } from "../../heap.ts";
import type { CodesKernels } from "./interface.ts";

export function plainCodes({ memory }: Heap): CodesKernels {
  return {
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
