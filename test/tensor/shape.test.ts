import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisOf, type Shape, ShapeError, sameShape, show, sizeOf } from "../../src/tensor/index.ts";
import { broadcastShapes, broadcastStrides, checkShape, stridesOf } from "../../src/tensor/shape.ts";
import { shapes } from "../support/tensors.ts";

/** Two shapes that broadcast: sides of one common shape, some set to 1, some leading ones dropped. */
const compatible = fc
  .tuple(shapes(0, 4), fc.nat(), fc.nat(), fc.nat(4), fc.nat(4))
  .map(([shape, keepA, keepB, dropA, dropB]): [Shape, Shape] => [
    shape.map((side, i) => ((keepA >> i) & 1 ? side : 1)).slice(Math.min(dropA, shape.length)),
    shape.map((side, i) => ((keepB >> i) & 1 ? side : 1)).slice(Math.min(dropB, shape.length)),
  ]);

describe("stridesOf", () => {
  it("are those of row-major order: the address of the last element is size − 1", () => {
    fc.assert(
      fc.property(shapes(0, 5), (shape) => {
        const last = stridesOf(shape).reduce((sum, stride, i) => sum + stride * (shape[i] - 1), 0);
        expect(last).toBe(sizeOf(shape) - 1);
      }),
    );
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(stridesOf([])).toEqual([]);
  });
});

describe("broadcastShapes", () => {
  it("is commutative and associative, and keeps a shape with itself and with []", () => {
    fc.assert(
      fc.property(compatible, ([a, b]) => {
        const out = broadcastShapes("test", a, b);
        expect(broadcastShapes("test", b, a)).toEqual(out);
        expect(broadcastShapes("test", a, a)).toEqual(a);
        expect(broadcastShapes("test", a, [])).toEqual(a);
        expect(broadcastShapes("test", out, a)).toEqual(out);
      }),
    );
  });

  it("handles sides of 0", () => {
    expect(broadcastShapes("test", [0, 3], [1, 3])).toEqual([0, 3]);
    expect(() => broadcastShapes("test", [0], [2])).toThrow(ShapeError);
  });

  it("names the operation, both shapes and the two sides that differ", () => {
    expect(() => broadcastShapes("add", [2, 3], [4, 1])).toThrow(
      new ShapeError("add: [2, 3] and [4, 1] do not broadcast (2 against 4)"),
    );
  });
});

describe("broadcastStrides", () => {
  it("read the element that broadcasting puts at each place", () => {
    fc.assert(
      fc.property(compatible, ([a, b]) => {
        const target = broadcastShapes("test", a, b);
        const strides = broadcastStrides("test", a, target);
        const lead = target.length - a.length;
        const own = stridesOf(a);
        for (let flat = 0; flat < sizeOf(target); flat++) {
          const index = stridesOf(target).map((stride, i) => Math.floor(flat / stride) % target[i]);
          const read = index.reduce((sum, at, i) => sum + at * strides[i], 0);
          const expected = a.reduce((sum, side, i) => sum + (side === 1 ? 0 : index[lead + i]) * own[i], 0);
          expect(read).toBe(expected);
        }
      }),
    );
  });

  it("rejects a smaller target", () => {
    expect(() => broadcastStrides("broadcastTo", [2, 3], [1, 3])).toThrow(
      new ShapeError("broadcastTo: [2, 3] does not broadcast to [1, 3]"),
    );
  });
});

describe("axes and shapes", () => {
  it("count from the end where negative", () => {
    expect([axisOf("sum", 0, [2, 3]), axisOf("sum", -1, [2, 3]), axisOf("sum", -2, [2, 3])]).toEqual([0, 1, 0]);
    for (const axis of [2, -3, 0.5, Number.NaN]) {
      expect(() => axisOf("sum", axis, [2, 3])).toThrow(new ShapeError(`sum: axis ${axis} is not an axis of [2, 3]`));
    }
  });

  it("are rejected where a side is not a count", () => {
    for (const side of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => checkShape("zeros", [2, side])).toThrow(
        `zeros: [2, ${side}] is not a shape; every side must be an integer of at least 0`,
      );
    }
    expect(() => checkShape("zeros", [0, 2])).not.toThrow();
  });

  it("are written with brackets, hold the product of their sides, and are compared side by side", () => {
    expect(show([2, 3])).toBe("[2, 3]");
    expect(show([])).toBe("[]");
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0])]).toEqual([1, 6, 0]);
    expect([sameShape([2], [2]), sameShape([2], [2, 1]), sameShape([2], [3])]).toEqual([true, false, false]);
  });
});
