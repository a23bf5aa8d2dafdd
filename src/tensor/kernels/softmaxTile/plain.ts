/** One tile of the softmax loss, a pair at a time. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { SoftmaxTileKernels } from "./interface.ts";

export function plainSoftmaxTile(heap: Heap, dtype: DType): SoftmaxTileKernels {
  const bytes = BYTES[dtype];
  return {
    softmaxTileTops(rows, cols, s, rowTops, colTops) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          const value = H[s / bytes + i * cols + j];
          if (value > H[rowTops / bytes + i]) H[rowTops / bytes + i] = value;
          if (value > H[colTops / bytes + j]) H[colTops / bytes + j] = value;
        }
      }
    },
    softmaxTileSums(rows, cols, s, t, rowTops, colTops, rowSums, colSums) {
      const H = heap[dtype];
      const ofColumns = new Float64Array(cols);
      for (let i = 0; i < rows; i++) {
        let ofRow = 0;
        for (let j = 0; j < cols; j++) {
          const value = H[s / bytes + i * cols + j];
          ofRow += Math.exp(t * (value - H[rowTops / bytes + i]));
          ofColumns[j] += Math.exp(t * (value - H[colTops / bytes + j]));
        }
        H[rowSums / bytes + i] = ofRow;
      }
      H.set(ofColumns, colSums / bytes);
    },
    softmaxTileGrad(rows, cols, s, t, rowTops, colTops, rowWeights, colWeights) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          const at = s / bytes + i * cols + j;
          const ofRow = H[rowWeights / bytes + i] * Math.exp(t * (H[at] - H[rowTops / bytes + i]));
          const ofColumn = H[colWeights / bytes + j] * Math.exp(t * (H[at] - H[colTops / bytes + j]));
          H[at] = ofRow + ofColumn;
        }
      }
    },
  };
}
