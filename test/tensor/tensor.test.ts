import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eye, full, generate, ones, ShapeError, scalar, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { shapes } from "../support/tensors.ts";

describe("tensor", () => {
  it("holds a copy of its values, rounded to its precision", () => {
    fc.assert(
      fc.property(fc.array(fc.double()), fc.constantFrom("f32" as const, "f64" as const), (values, dtype) => {
        const given = Float64Array.from(values);
        const x = tensor(given, [values.length], dtype);
        given.fill(9);
        expectSameBits(x.toArray(), dtype === "f32" ? Float32Array.from(values) : values);
        const copy = x.toArray();
        x.data.fill(1);
        expectSameBits(copy, dtype === "f32" ? Float32Array.from(values) : values);
      }),
    );
  });

  it("rejects a count of values that is not the size of its shape", () => {
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow(new ShapeError("tensor: 3 numbers for [2, 2], which holds 4"));
    expect(() => tensor([1], [-1])).toThrow(ShapeError);
  });

  it("item gives the number of a tensor of one element, of any shape, and of no other", () => {
    expect([scalar(3).item(), full([1, 1], 4).item()]).toEqual([3, 4]);
    expect(() => zeros([2]).item()).toThrow(new ShapeError("item: [2] holds 2 numbers, not one"));
    expect(() => zeros([0]).item()).toThrow(ShapeError);
  });
});

describe("view", () => {
  it("shares memory: writes through one are read through the other", () => {
    const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const tail = x.view([2], 4);
    tail.data[0] = 50;
    expect([...x.data]).toEqual([1, 2, 3, 4, 50, 6]);
    expect([...tail.view([1], 1).data]).toEqual([6]);
  });

  it("does not reach past its end", () => {
    expect(() => zeros([2, 3]).view([4], 3)).toThrow(
      new ShapeError("view: [4] from element 3 reaches past the end of [2, 3]"),
    );
    expect(zeros([2, 3]).view([0], 6).size).toBe(0);
  });
});

describe("creation", () => {
  it("fills with 0, 1 or a number; eye is 1 on the diagonal", () => {
    fc.assert(
      fc.property(shapes(0, 3), fc.constantFrom("f32" as const, "f64" as const), (shape, dtype) => {
        for (const [x, value] of [
          [zeros(shape, dtype), 0],
          [ones(shape, dtype), 1],
          [full(shape, -2, dtype), -2],
        ] as const) {
          expect(x.shape).toEqual(shape);
          expect(x.dtype).toBe(dtype);
          expect(x.toArray().every((entry) => entry === value)).toBe(true);
        }
      }),
    );
    expect([...eye(3).data]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it("calls draw once per element, in order", () => {
    const seen: number[] = [];
    const x = generate([2, 2], (index) => {
      seen.push(index);
      return index * 10;
    });
    expect(seen).toEqual([0, 1, 2, 3]);
    expect([...x.data]).toEqual([0, 10, 20, 30]);
    expect(() => full([1.5], 0)).toThrow(ShapeError);
    expect(() => generate([-1], () => 0)).toThrow(ShapeError);
  });
});
