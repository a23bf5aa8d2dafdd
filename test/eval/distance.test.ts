import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byDistance, nearest, retrieval } from "../../src/eval/index.ts";

const D = 4;
const pixels = fc.uint8Array({ minLength: 6 * D, maxLength: 6 * D });

describe("byDistance", () => {
  it("scores a pair of pixel rows with exactly −‖x − y‖²/2", () => {
    fc.assert(
      fc.property(pixels, pixels, (a, b) => {
        const { x, y } = byDistance(a, b, D);
        for (const { index, score } of nearest(x.subarray(0, D + 2), y, 6)) {
          let squares = 0;
          for (let k = 0; k < D; k++) squares += (a[k] - b[index * D + k]) ** 2;
          expect(score).toBe(-squares / 2);
        }
      }),
    );
  });

  it("finds every row among others in a copy of them", () => {
    const rows = Uint8Array.from({ length: 6 * D }, (_, i) => (i * 37) % 256);
    const { x, y } = byDistance(rows, rows, D);
    expect(retrieval(x, y, [0, 1, 2, 3, 4, 5], [1]).recall).toEqual([{ k: 1, textToImage: 1, imageToText: 1 }]);
  });
});
