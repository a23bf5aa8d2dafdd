/** The softmax loss of a tile of pairs: the normalizers of its rows and columns, and its gradient. */
import type { Ptr } from "../ptr.ts";

/** s [rows, cols] holds ⟨xᵢ, yⱼ⟩. Tops are in units of s, before the factor t, so that s − top loses no digits. */
export interface SoftmaxTileKernels {
  /** rowTops[i] = max(rowTops[i], maxⱼ sᵢⱼ), and colTops likewise. NaN is passed over. */
  softmaxTileTops(rows: number, cols: number, s: Ptr, rowTops: Ptr, colTops: Ptr): void;
  /** rowSums[i] = Σⱼ e^(t·(sᵢⱼ − rowTops[i])), and colSums likewise. No top is below an entry of its row or column. */
  softmaxTileSums(
    rows: number, cols: number, s: Ptr, t: number, rowTops: Ptr, colTops: Ptr, rowSums: Ptr, colSums: Ptr,
  ): void; // biome-ignore format: a line
  /** s is overwritten with rowWeights[i]·e^(t·(sᵢⱼ − rowTops[i])) + colWeights[j]·e^(t·(sᵢⱼ − colTops[j])). */
  softmaxTileGrad(
    rows: number, cols: number, s: Ptr, t: number, rowTops: Ptr, colTops: Ptr, rowWeights: Ptr, colWeights: Ptr,
  ): void; // biome-ignore format: a line
}
