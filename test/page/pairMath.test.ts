/** The squares of the page against the dense forms in f64. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Square, sigmoidSquare, softmaxSquare } from "../../page/pairMath.ts";
import { alone } from "../../src/parallel/index.ts";
import { type LossForm, lossForms } from "../../src/siglip/index.ts";
import { l2Normalize, tensor } from "../../src/tensor/index.ts";

const batches = fc.record({
  n: fc.integer({ min: 1, max: 6 }),
  numbers: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 36, maxLength: 36 }),
  t: fc.integer({ min: 1, max: 60 }),
  b: fc.integer({ min: -20, max: 5 }),
  shift: fc.nat(5),
});
const WIDTH = 3;

/** Loss and gradients of a form for unit rows; text i belongs to picture (i + shift) mod n. */
function compare(form: LossForm, square: (s: Float64Array, matchOf: number[], t: number, b: number) => Square) {
  fc.assert(
    fc.property(batches, ({ n, numbers, t, b, shift }) => {
      const rows = (from: number) =>
        l2Normalize(
          tensor(
            Float64Array.from({ length: n * WIDTH }, (_, k) => numbers[from + k] + 0.5),
            [n, WIDTH],
            "f64",
          ),
          1e-8,
        ).value;
      const [pictures, texts] = [rows(0), rows(18)];
      const matchOf = Array.from({ length: n }, (_, i) => (i + shift) % n);
      const [x, y] = [pictures, texts].map(({ data }) => data);
      const similarities = Float64Array.from({ length: n * n }, (_, k) => {
        const [i, j] = [Math.floor(k / n), k % n];
        return [0, 1, 2].reduce((sum, c) => sum + y[i * WIDTH + c] * x[j * WIDTH + c], 0);
      });
      const found = square(similarities, matchOf, t, b);
      // The dense form has the matches on the diagonal: picture i is the one of text i.
      const ordered = Float64Array.from({ length: n * WIDTH }, (_, k) => x[matchOf[Math.floor(k / WIDTH)] * WIDTH + (k % WIDTH)]); // biome-ignore format: a line
      const zimg = tensor(ordered, [n, WIDTH], "f64");
      const expected = form.gradients({ zimg, ztxt: texts, tPrime: Math.log(t), b, comm: alone, shards: 1 });
      expect(found.loss).toBeCloseTo(expected.loss, 8);
      const dtxt = Float64Array.from({ length: n * WIDTH }, (_, k) => {
        const [i, c] = [Math.floor(k / WIDTH), k % WIDTH];
        return Array.from({ length: n }, (_, j) => (t / n) * found.gradients[i * n + j] * x[j * WIDTH + c]).reduce((a, d) => a + d, 0); // biome-ignore format: a line
      });
      dtxt.forEach((value, k) => {
        expect(value).toBeCloseTo(expected.dztxt.data[k], 8);
      });
    }),
    { numRuns: 60 },
  );
}

describe("a square of pairs", () => {
  it("has the sigmoid loss and the gradients of the dense form", () => {
    compare(lossForms.dense, sigmoidSquare);
  });
  it("has the softmax loss and the gradients of the dense form", () => {
    compare(lossForms.softmaxDense, softmaxSquare);
  });
  it("adds up to its loss, cell by cell", () => {
    const { losses, loss, n } = sigmoidSquare(Float64Array.of(1, 0, -1, 0.5), [0, 1], 5, -2);
    expect(losses.reduce((a, b) => a + b) / n).toBeCloseTo(loss, 14);
  });
});
