import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant, mul, parameter } from "../../src/autograd/index.ts";
import { full, generate, ones, scalar, scope, tensor, zeros } from "../../src/tensor/index.ts";

describe("a tensor prints its type, its shape and its numbers", () => {
  it.each<[string, () => unknown, string]>([
    [
      "aligned",
      () => tensor([1, -0.5, 2.25, 0, 1.5, 10], [2, 3]),
      "tensor f32 [2, 3]\n[[ 1.00, -0.50,  2.25],\n [ 0.00,  1.50, 10.00]]",
    ],
    ["whole numbers without decimals", () => tensor([1, 20], [2]), "tensor f32 [2]\n[ 1, 20]"],
    ["f64 with four digits too", () => tensor([1 / 3, 0], [2], "f64"), "tensor f64 [2]\n[0.3333, 0.0000]"],
    ["a scalar", () => scalar(3), "tensor f32 []\n3"],
    ["nothing but the shape where there are no numbers", () => zeros([0, 3]), "tensor f32 [0, 3]"],
    ["NaN and ∞", () => tensor([Number.NaN, 1, -1 / 0], [3]), "tensor f32 [3]\n[      NaN,         1, -Infinity]"],
    ["powers of ten where sizes differ much", () => tensor([1e-9, 1], [2]), "tensor f32 [2]\n[1.000e-9, 1.000e+0]"],
    ["planes apart", () => ones([2, 1, 2]), "tensor f32 [2, 1, 2]\n[[[1, 1]],\n\n [[1, 1]]]"],
    ["a parameter", () => parameter(ones([2])), "parameter f32 [2]\n[1, 1]"],
    ["a constant", () => constant(ones([2])), "constant f32 [2]\n[1, 1]"],
    ["the operation of a recorded value", () => mul(parameter(ones([2])), 3), "mul → f32 [2]\n[3, 3]"],
  ])("%s", (_, make, text) => {
    expect(String(make())).toBe(text);
    expect(inspect(make())).toBe(text);
  });

  it("shortens long axes to three entries at each end", () => {
    const lines = String(generate([30, 30], (i) => i)).split("\n");
    expect(lines[1]).toBe("[[  0,   1,   2, ...,  27,  28,  29],");
    expect(lines[4]).toBe(" ...,");
    expect(lines.length).toBe(8);
    expect(String(full([1_000_000], 0.5)).length).toBeLessThan(100);
  });

  it("does not throw when its memory was freed", () => {
    let gone: unknown;
    scope(() => {
      gone = ones([2]);
    });
    expect(String(gone)).toBe("tensor f32 [2], memory freed");
  });
});

it("toNested of a tensor gives the arrays that it was created from", () => {
  const row = fc.array(fc.float({ noNaN: true }), { minLength: 3, maxLength: 3 });
  const matrix = fc.array(row, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(matrix, (rows) => {
      expect(tensor(rows.flat(), [rows.length, 3]).toNested()).toEqual(rows);
    }),
  );
  expect(scalar(2).toNested()).toBe(2);
  expect(zeros([2, 0]).toNested()).toEqual([[], []]);
});
