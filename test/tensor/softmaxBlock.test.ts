import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addSoftmaxGradients,
  addSoftmaxSums,
  emptySoftmaxSums,
  generate,
  Rng,
  type Shape,
  ShapeError,
  type SoftmaxSums,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";

type DType = "f32" | "f64";
const U = { f32: 2 ** -24, f64: 2 ** -53 };
const T = 4;

/** Rows of growing size, so that later tiles have larger entries. */
const random = (rng: Rng, shape: Shape, dtype: DType): Tensor =>
  generate(shape, (at) => (rng.uniform() - 0.5) * (1 + at / 1000), dtype);

function sumsOf(x: Tensor, y: Tensor, positives?: Tensor): { rows: SoftmaxSums; columns: SoftmaxSums } {
  const [rows, columns] = [x, y].map(({ shape, dtype }) => emptySoftmaxSums(shape[0], dtype));
  addSoftmaxSums(x, y, T, rows, columns, positives);
  return { rows, columns };
}

const numbers = ({ tops, sums }: SoftmaxSums): number[] => [...tops.data, ...sums.data];

/** Sᵢⱼ of the numbers that the tensors hold. */
const similarity = (x: Tensor, y: Tensor, i: number, j: number): number => {
  const d = x.shape[1];
  let s = 0;
  for (let k = 0; k < d; k++) s += x.data[i * d + k] * y.data[j * d + k];
  return s;
};

const sides = [
  [1, 1],
  [192, 240], // a tile
  [193, 241],
  [800, 300], // more than one band
  [40, 600],
];

describe.each(["f32", "f64"] as const)("a block of the softmax loss in %s", (dtype) => {
  /** Every S is off by (d + 2)·u·5, as its terms sum to 5 at most, and t times that in an exponent; and a hundred roundings. */
  const relative = (T * 25 + 100) * U[dtype];

  test.each(sides)("has the sums of the formula for %i × %i pairs, with and without positives", (n, m) => {
    const rng = new Rng(n + m);
    const [x, y] = [random(rng.split("x"), [n, 3], dtype), random(rng.split("y"), [m, 3], dtype)];
    for (const positives of [zeros([Math.max(n, m)], dtype), undefined]) {
      const { rows, columns } = sumsOf(x, y, positives);
      const want = [new Float64Array(n), new Float64Array(m)];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < m; j++) {
          const s = similarity(x, y, i, j);
          if (positives && i === j) expect(Math.abs(positives.data[i] - s)).toBeLessThanOrEqual(25 * U[dtype]);
          else
            [i, j].forEach((k, side) => {
              want[side][k] += Math.exp(T * s);
            });
        }
      }
      [rows, columns].forEach(({ tops, sums }, side) => {
        want[side].forEach((sum, k) => {
          const got = sum === 0 ? sums.data[k] : sums.data[k] * Math.exp(T * tops.data[k]);
          expect(Math.abs(got - sum)).toBeLessThanOrEqual(relative * sum);
        });
      });
    }
  });

  test.each(sides)("has the gradients of the formula for %i × %i pairs, with and without positives", (n, m) => {
    const rng = new Rng(n + m);
    const [x, y] = [random(rng.split("x"), [n, 3], dtype), random(rng.split("y"), [m, 3], dtype)];
    const { rows, columns } = sumsOf(x, y);
    const [w, v] = [n, m].map((count) => generate([count], () => 0.1 + rng.uniform(), dtype));
    for (const positives of [generate([Math.min(n, m)], () => -rng.uniform(), dtype), undefined]) {
      const [dx, dy] = [zeros(x.shape, dtype), zeros(y.shape, dtype)];
      const [ofRows, ofColumns] = [
        { tops: rows.tops, weights: w },
        { tops: columns.tops, weights: v },
      ];
      addSoftmaxGradients(x, y, T, ofRows, ofColumns, dx, dy, positives);
      const [wantX, wantY] = [new Float64Array(3 * n), new Float64Array(3 * m)];
      const [mostX, mostY] = [new Float64Array(3 * n), new Float64Array(3 * m)];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < m; j++) {
          const s = similarity(x, y, i, j);
          const power = (weight: number, top: number): number => weight * Math.exp(T * (s - top));
          const g =
            positives && i === j
              ? positives.data[i]
              : power(w.data[i], rows.tops.data[i]) + power(v.data[j], columns.tops.data[j]);
          for (let k = 0; k < 3; k++) {
            const [ofX, ofY] = [g * y.data[3 * j + k], g * x.data[3 * i + k]];
            wantX[3 * i + k] += ofX;
            wantY[3 * j + k] += ofY;
            mostX[3 * i + k] += (relative + m * U[dtype]) * Math.abs(ofX);
            mostY[3 * j + k] += (relative + n * U[dtype]) * Math.abs(ofY);
          }
        }
      }
      wantX.forEach((value, at) => {
        expect(Math.abs(dx.data[at] - value)).toBeLessThanOrEqual(mostX[at]);
      });
      wantY.forEach((value, at) => {
        expect(Math.abs(dy.data[at] - value)).toBeLessThanOrEqual(mostY[at]);
      });
    }
  });

  test("gives a row the same sums, bit by bit, whatever other rows x has, and a column whatever others y has", () => {
    const rng = new Rng(5);
    const [x, y] = [random(rng.split("x"), [800, 3], dtype), random(rng.split("y"), [300, 3], dtype)];
    const whole = sumsOf(x, y);
    const at = ({ tops, sums }: SoftmaxSums, k: number): number[] => [tops.data[k], sums.data[k]];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 799 }), fc.integer({ min: 0, max: 299 }), (i, j) => {
        expect(at(sumsOf(slice(x, 0, i, i + 1), y).rows, 0)).toEqual(at(whole.rows, i));
        expect(at(sumsOf(x, slice(y, 0, j, j + 1)).columns, 0)).toEqual(at(whole.columns, j));
      }),
      { numRuns: 20 },
    );
  });

  test("adds block after block to the same sums, whether entries grow or shrink", () => {
    const rng = new Rng(6);
    const [x, y] = [random(rng.split("x"), [50, 3], dtype), random(rng.split("y"), [500, 3], dtype)];
    const want = sumsOf(x, y).rows;
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const rows = emptySoftmaxSums(50, dtype);
      for (const half of order) {
        addSoftmaxSums(x, slice(y, 0, 250 * half, 250 * half + 250), T, rows, emptySoftmaxSums(250, dtype));
      }
      expect([...rows.tops.data]).toEqual([...want.tops.data]);
      rows.sums.data.forEach((sum, i) => {
        expect(Math.abs(sum / want.sums.data[i] - 1)).toBeLessThanOrEqual(100 * U[dtype]);
      });
    }
  });

  test("at a temperature so low that t is 0 counts every negative once, and no positive", () => {
    const x = tensor([1, 2, 3], [3, 1], dtype);
    const rows = emptySoftmaxSums(3, dtype);
    const columns = emptySoftmaxSums(3, dtype);
    addSoftmaxSums(x, x, 0, rows, columns, zeros([3], dtype));
    expect(numbers(rows)).toEqual([3, 6, 6, 2, 2, 2]);
    expect(numbers(columns)).toEqual([3, 6, 6, 2, 2, 2]);
  });
});

test("a block of the softmax loss rejects shapes that do not fit", () => {
  const [x, y] = [zeros([2, 3]), zeros([4, 3])];
  const [rows, columns] = [emptySoftmaxSums(2, "f32"), emptySoftmaxSums(4, "f32")];
  expect(() => addSoftmaxSums(x, zeros([4, 2]), 1, rows, columns)).toThrow(ShapeError);
  expect(() => addSoftmaxSums(x, y, 1, columns, rows)).toThrow("addSoftmaxSums: tops [4] of 2 rows");
});
