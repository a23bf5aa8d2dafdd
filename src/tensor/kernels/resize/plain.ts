/** An image resized along one axis in integers. */
import type { Heap } from "../../heap.ts";
import { type ResizeKernels, WEIGHT_BITS } from "./interface.ts";

const ONE_HALF = 1 << (WEIGHT_BITS - 1);
const clampToByte = (sum: number): number => Math.min(255, Math.max(0, sum >> WEIGHT_BITS));

export function plainResize(heap: Heap): ResizeKernels {
  return {
    resizeColumns(rows, from, { first, count, weights, span }, x, out) {
      const H = heap.bytes;
      for (let y = 0, put = out; y < rows; y++) {
        for (let i = 0; i < first.length; i++, put += 3) {
          let at = x + (y * from + first[i]) * 3;
          const end = i * span + count[i];
          let [red, green, blue] = [ONE_HALF, ONE_HALF, ONE_HALF];
          for (let k = i * span; k < end; k++, at += 3) {
            const weight = weights[k];
            red = (red + Math.imul(weight, H[at])) | 0;
            green = (green + Math.imul(weight, H[at + 1])) | 0;
            blue = (blue + Math.imul(weight, H[at + 2])) | 0;
          }
          H[put] = clampToByte(red);
          H[put + 1] = clampToByte(green);
          H[put + 2] = clampToByte(blue);
        }
      }
    },
    resizeRows(width, { first, count, weights, span }, x, out) {
      const H = heap.bytes;
      const sums = new Int32Array(width);
      for (let i = 0; i < first.length; i++) {
        sums.fill(ONE_HALF);
        for (let k = 0; k < count[i]; k++) {
          const weight = weights[i * span + k];
          const start = x + (first[i] + k) * width;
          for (let c = 0; c < width; c++) sums[c] += Math.imul(weight, H[start + c]);
        }
        for (let c = 0; c < width; c++) H[out + i * width + c] = clampToByte(sums[c]);
      }
    },
  };
}
