import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { max, mean, ShapeError, sum, sumSquares, sumTo, tensor, zeros } from "../../src/tensor/index.ts";
import { U32, U64 } from "../support/bounds.ts";
import { expectWithin } from "../support/expect.ts";
import { normals, shapes } from "../support/tensors.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

/** Reduces by a walk over every element: the oracle. */
function byHand(
  values: ArrayLike<number>,
  shape: readonly number[],
  axes: readonly number[],
  start: number,
  f: (total: number, x: number) => number,
) {
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  const out = new Float64Array(kept.reduce((a, b) => a * b, 1)).fill(start);
  for (let flat = 0; flat < values.length; flat++) {
    let [rest, at, stride] = [flat, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (!axes.includes(axis)) {
        at += (rest % shape[axis]) * stride;
        stride *= shape[axis];
      }
      rest = Math.floor(rest / shape[axis]);
    }
    out[at] = f(out[at], values[flat]);
  }
  return out;
}

describe.each(DTYPES)("reductions in %s", (dtype, u) => {
  it("equal a walk over every element, for every set of axes", () => {
    fc.assert(
      fc.property(shapes(0, 4), fc.nat(15), fc.nat(), fc.boolean(), (shape, chosen, seed, keepDims) => {
        const axes = shape.map((_, i) => i).filter((i) => (chosen >> i) & 1);
        const x = normals(seed, shape, dtype);
        const size = byHand(x.data, shape, axes, 0, (total, value) => total + Math.abs(value));
        const count = axes.reduce((product, axis) => product * shape[axis], 1);
        const total = byHand(x.data, shape, axes, 0, (a, b) => a + b);
        const bound = size.map((s) => 2 * u * s + x.size * U64 * s);
        const out = sum(x, { axis: axes, keepDims });
        expectWithin(out.toArray(), total, bound, "sum");
        expect(out.shape).toEqual(
          keepDims ? shape.map((side, i) => (axes.includes(i) ? 1 : side)) : shape.filter((_, i) => !axes.includes(i)),
        );
        expectWithin(
          mean(x, { axis: axes }).toArray(),
          total.map((t) => t / count),
          bound.map((b) => (3 * b) / count),
          "mean",
        );
        expectWithin(
          max(x, { axis: axes }).toArray(),
          byHand(x.data, shape, axes, Number.NEGATIVE_INFINITY, Math.max),
          0,
          "max",
        );
      }),
    );
  });

  it("accumulate in f64: a million small numbers beside a large one are not lost", () => {
    const n = 2 ** 20;
    const x = tensor(
      Float32Array.from({ length: n + 1 }, (_, i) => (i === 0 ? 2 ** 24 : 1)),
      [n + 1],
      dtype,
    );
    expect(sum(x).item()).toBe(2 ** 24 + n); // one after another in float32 they would all be rounded away
    expect(sumSquares(x)).toBe(2 ** 48 + n);
  });
});

describe("sumTo", () => {
  it("sums over what broadcasting repeated, and returns its argument where nothing was", () => {
    fc.assert(
      fc.property(shapes(0, 3), fc.nat(7), fc.nat(3), fc.nat(), (shape, keep, drop, seed) => {
        const small = shape.map((side, i) => ((keep >> i) & 1 ? side : 1)).slice(Math.min(drop, shape.length));
        const x = normals(seed, shape);
        const out = sumTo(x, small);
        expect(out.shape).toEqual(small);
        const lead = shape.length - small.length;
        const axes = shape.map((_, i) => i).filter((i) => i < lead || small[i - lead] === 1);
        expectWithin(
          out.toArray(),
          byHand(x.data, shape, axes, 0, (a, b) => a + b),
          1e-12,
        );
      }),
    );
    const x = zeros([2, 3]);
    expect(sumTo(x, [2, 3])).toBe(x);
    expect([...sumTo(zeros([0, 3]), [1, 3]).data]).toEqual([0, 0, 0]);
  });
});

describe("reductions", () => {
  it("over an empty axis are 0, −∞ and NaN; over all axes give a scalar", () => {
    expect([sum(zeros([0])).item(), max(zeros([0])).item(), mean(zeros([0])).item()]).toEqual([
      0,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
    expect(sum(zeros([2, 3])).shape).toEqual([]);
    expect([...sum(zeros([0, 2]), { axis: 0 }).data]).toEqual([0, 0]);
  });

  it("pass NaN on", () => {
    const x = tensor([1, Number.NaN, 2, 3], [2, 2]);
    expect([...sum(x, { axis: 1 }).data]).toEqual([Number.NaN, 5]);
    expect([...max(x, { axis: 1 }).data]).toEqual([Number.NaN, 3]);
    expect(sumSquares(x)).toBeNaN();
  });

  it("name the axes that do not exist or repeat, and the shape that does not broadcast", () => {
    expect(() => sum(zeros([2, 3]), { axis: 2 })).toThrow(new ShapeError("sum: axis 2 is not an axis of [2, 3]"));
    expect(() => mean(zeros([2, 3]), { axis: [0, -2] })).toThrow(new ShapeError("mean: axes [0, 0] repeat"));
    expect(() => sumTo(zeros([2, 3]), [2])).toThrow(ShapeError);
    expect(() => sumTo(zeros([1, 3]), [2, 3])).toThrow(new ShapeError("sumTo: [2, 3] does not broadcast to [1, 3]"));
  });
});
