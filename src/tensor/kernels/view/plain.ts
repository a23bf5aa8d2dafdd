/**
 * The view of an image as plain loops.
 *
 *   p = Σ over the 2 × 2 pixels (i, j) around (u, v) of tent(u − i)·tent(v − j)·pixel(i, j)       tent(d) = max(0, 1 − |d|)
 *   out = α − clamp(M·p, 0, α)                                                                   α = the last entry of p
 *
 * At an edge the 2 × 2 pixels stay inside and the tents fall to 0 beside them, so the outside is transparent without a special case.
 */
import type { DType, Heap } from "../../heap.ts";
import type { ViewKernels } from "./interface.ts";

const tent = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

export function plainView(heap: Heap, dtype: DType): ViewKernels {
  return {
    drawView({ stored, picture, place: [a, b, c, d, e, f], colour, scale, side, out }) {
      const H = heap[dtype];
      const O = out / H.BYTES_PER_ELEMENT;
      const firstOf = (t: number): number => Math.min(Math.max(Math.floor(t), 0), stored - 2);
      const p = [0, 0, 0, 0];
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const [u, v] = [a * x + b * y + c, d * x + e * y + f];
          const [i0, j0] = [firstOf(u), firstOf(v)];
          p.fill(0);
          for (const j of [j0, j0 + 1]) {
            for (const i of [i0, i0 + 1]) {
              const weight = scale * tent(u - i) * tent(v - j);
              const at = picture + (j * stored + i) * 4;
              for (let k = 0; k < 4; k++) p[k] += weight * heap.bytes[at + k];
            }
          }
          const [red, green, blue, alpha] = p;
          for (let k = 0; k < 3; k++) {
            const m = 4 * k;
            const mapped = colour[m] * red + colour[m + 1] * green + colour[m + 2] * blue + colour[m + 3] * alpha;
            H[O + (y * side + x) * 3 + k] = alpha - Math.min(Math.max(mapped, 0), alpha);
          }
        }
      }
    },
  };
}
