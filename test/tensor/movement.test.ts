import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  broadcastTo,
  concat,
  copy,
  pad,
  permute,
  reshape,
  ShapeError,
  scope,
  sizeOf,
  slice,
  tensor,
  transpose,
  zeros,
} from "../../src/tensor/index.ts";
import { stridesOf } from "../../src/tensor/shape.ts";
import { expectSameBits } from "../support/expect.ts";
import { normals, shapes } from "../support/tensors.ts";

const orderOf = (rank: number, seed: number): number[] => {
  const rest = Array.from({ length: rank }, (_, i) => i);
  return Array.from({ length: rank }, (_, i) => rest.splice((seed >> (2 * i)) % rest.length, 1)[0]);
};

describe("reshape and slices of the leading axis", () => {
  it("share memory", () => {
    fc.assert(
      fc.property(shapes(1, 3), fc.nat(), fc.nat(), (shape, from, to) => {
        scope(() => {
          const x = normals(1, shape, "f32");
          const [start, end] = [from % (shape[0] + 1), to % (shape[0] + 1)].sort((a, b) => a - b);
          expect(slice(x, 0, start, end).storage).toBe(x.storage);
          const flat = reshape(x, [-1]);
          expect(flat.storage).toBe(x.storage);
          expectSameBits(flat.toArray(), x.toArray());
          flat.data[0] = 77;
          expect(x.data[0]).toBe(77);
        });
      }),
    );
  });

  it("of a slice start where the slice does", () => {
    const x = tensor([0, 1, 2, 3, 4, 5, 6, 7], [4, 2]);
    expect([...slice(slice(x, 0, 1, 4), 0, 1, 2).data]).toEqual([4, 5]);
    expect([...permute(slice(x, 0, 1, 3), [1, 0]).data]).toEqual([2, 4, 3, 5]);
    expect([...reshape(slice(x, 0, 2, 4), [2, 2]).data]).toEqual([4, 5, 6, 7]);
    expect([...slice(tensor([1, 2, 3], [1, 3]), 1, 1, 3).data]).toEqual([2, 3]);
  });

  it("compute the side given as −1, at most one", () => {
    expect(reshape(zeros([4, 6]), [3, -1]).shape).toEqual([3, 8]);
    expect(reshape(zeros([0, 3]), [-1, 3]).shape).toEqual([0, 3]);
    for (const shape of [
      [5, -1],
      [-1, -1],
      [4, 5],
      [24, -2, -12],
    ]) {
      expect(() => reshape(zeros([4, 6]), shape)).toThrow(
        new ShapeError(`reshape: [4, 6] has 24 numbers and cannot be [${shape.join(", ")}]`),
      );
    }
  });
});

describe("permute", () => {
  it("puts every element where the order says, and its inverse restores it", () => {
    fc.assert(
      fc.property(shapes(0, 4), fc.nat(255), (shape, seed) => {
        const order = orderOf(shape.length, seed);
        const x = normals(seed, shape, "f32");
        const y = permute(x, order);
        const [xs, ys] = [stridesOf(shape), stridesOf(y.shape)];
        for (let flat = 0; flat < x.size; flat++) {
          const index = shape.map((side, i) => Math.floor(flat / xs[i]) % side);
          const to = order.reduce((sum, axis, i) => sum + index[axis] * ys[i], 0);
          expect(y.data[to]).toBe(x.data[flat]);
        }
        const back = order.map((_, i) => order.indexOf(i));
        expectSameBits(permute(y, back).toArray(), x.toArray());
      }),
    );
  });

  it("swaps the last two axes as transpose, which is its own inverse", () => {
    const x = normals(3, [2, 3, 4], "f32");
    expectSameBits(transpose(x).toArray(), permute(x, [0, -1, -2]).toArray());
    expectSameBits(transpose(transpose(x)).toArray(), x.toArray());
  });

  it("rejects orders that name an axis twice or not at all", () => {
    for (const order of [[0], [0, 0], [0, 1, 2]]) expect(() => permute(zeros([2, 3]), order)).toThrow(ShapeError);
    expect(() => permute(zeros([2, 3]), [1, 1])).toThrow("permute: [1, 1] does not name every axis of [2, 3] once");
    expect(() => transpose(zeros([3]))).toThrow(new ShapeError("transpose: [3] has fewer than two axes"));
  });
});

describe("slice, concat and pad", () => {
  it("split and join again, along every axis, bit for bit", () => {
    fc.assert(
      fc.property(shapes(1, 4), fc.nat(), fc.nat(), fc.nat(), (shape, which, from, to) => {
        const axis = which % shape.length;
        const [start, end] = [from % (shape[axis] + 1), to % (shape[axis] + 1)].sort((a, b) => a - b);
        const x = normals(from, shape, "f32");
        const parts = [slice(x, axis, 0, start), slice(x, axis, start, end), slice(x, axis, end, shape[axis])];
        expectSameBits(concat(parts, axis - shape.length).toArray(), x.toArray());
        const padded = pad(parts[1], axis, start, shape[axis] - end);
        expect(padded.shape).toEqual(shape);
        expectSameBits(slice(padded, axis, start, end).toArray(), parts[1].toArray());
        const rest = [slice(padded, axis, 0, start), slice(padded, axis, end, shape[axis])];
        for (const outside of rest) expectSameBits(outside.toArray(), new Float32Array(outside.size));
      }),
    );
  });

  it("name the shapes that do not fit", () => {
    expect(() => slice(zeros([2, 3]), 1, 2, 4)).toThrow(
      new ShapeError("slice: 2..4 is not a range of axis 1 of [2, 3]"),
    );
    for (const [start, end] of [
      [2, 1],
      [-1, 1],
      [0.5, 1],
    ])
      expect(() => slice(zeros([2]), 0, start, end)).toThrow(ShapeError);
    expect(() => concat([], 0)).toThrow(new ShapeError("concat: the list of tensors is empty"));
    expect(() => concat([zeros([2, 3]), zeros([2, 4])], 0)).toThrow(
      new ShapeError("concat: f32 [2, 4] does not join f32 [2, 3] along axis 0"),
    );
    expect(() => concat([zeros([2]), zeros([2], "f64")], 0)).toThrow(
      "concat: f64 [2] does not join f32 [2] along axis 0",
    );
    expect(() => concat([zeros([2]), zeros([2, 1])], 0)).toThrow(ShapeError);
  });
});

describe("broadcastTo", () => {
  it("repeats along new and unit axes", () => {
    fc.assert(
      fc.property(shapes(0, 4), fc.nat(15), fc.nat(4), (shape, keep, drop) => {
        const small = shape.map((side, i) => ((keep >> i) & 1 ? side : 1)).slice(Math.min(drop, shape.length));
        const x = normals(keep, small, "f32");
        const y = broadcastTo(x, shape);
        const lead = shape.length - small.length;
        const [own, strides] = [stridesOf(small), stridesOf(shape)];
        for (let flat = 0; flat < sizeOf(shape); flat++) {
          const from = small.reduce((sum, side, i) => {
            const index = Math.floor(flat / strides[lead + i]) % shape[lead + i];
            return sum + (side === 1 ? 0 : index) * own[i];
          }, 0);
          expect(y.data[flat]).toBe(x.data[from]);
        }
      }),
    );
    const x = zeros([2]);
    expect(broadcastTo(x, [2])).toBe(x);
    expect(() => broadcastTo(zeros([2]), [3])).toThrow(ShapeError);
  });
});

it("every movement gives the same for a slice as for a copy of it", () => {
  fc.assert(
    fc.property(shapes(2, 3), fc.nat(255), (shape, seed) => {
      const whole = normals(seed, [3, ...shape], "f32");
      const view = reshape(slice(whole, 0, 1, 2), shape);
      const alone = copy(view);
      const order = orderOf(shape.length, seed);
      for (const op of [
        (x: typeof view) => permute(x, order),
        (x: typeof view) => slice(x, 1, 1, shape[1]),
        (x: typeof view) => broadcastTo(x, [2, ...shape]),
        (x: typeof view) => concat([x, x], 1),
        (x: typeof view) => pad(x, 0, 1, 2),
      ]) {
        expectSameBits(op(view).toArray(), op(alone).toArray());
      }
    }),
  );
});
