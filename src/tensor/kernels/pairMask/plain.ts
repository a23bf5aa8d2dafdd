/** Which pairs of a tile count, a pair at a time. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { PairMaskKernels } from "./interface.ts";
import { mix } from "./mix.ts";

export function plainPairMask(heap: Heap, dtype: DType): PairMaskKernels {
  const bytes = BYTES[dtype];
  const words = (at: number, n: number): Int32Array => new Int32Array(heap.memory.buffer, at, n);
  return {
    keepAtLeast(n, s, sign, least) {
      const H = heap[dtype];
      for (let at = s / bytes; at < s / bytes + n; at++) {
        if (!(sign * H[at] >= least)) H[at] = Number.NEGATIVE_INFINITY;
      }
    },
    keepAbove(n, s, sign, least) {
      const H = heap[dtype];
      for (let at = s / bytes; at < s / bytes + n; at++) {
        if (!(sign * H[at] > least)) H[at] = Number.NEGATIVE_INFINITY;
      }
    },
    keepRandom(rows, cols, s, rowKeys, colKeys, most) {
      const H = heap[dtype];
      const [ofRows, ofColumns] = [words(rowKeys, rows), words(colKeys, cols)];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          if (mix(ofRows[i] ^ ofColumns[j]) > most) H[s / bytes + i * cols + j] = Number.NEGATIVE_INFINITY;
        }
      }
    },
    findBetween(n, s, sign, low, high, found) {
      const H = heap[dtype];
      const places = words(found, n);
      let [above, count] = [0, 0];
      for (let i = 0; i < n; i++) {
        const value = sign * H[s / bytes + i];
        if (value > high) above++;
        else if (value >= low) places[count++] = i;
      }
      return { above, count };
    },
  };
}
