/** Every linear operation against its adjoint, ⟨A·x, y⟩ = ⟨x, Aᵀ·y⟩. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as A from "../../src/autograd/index.ts";
import { scope, type Tensor } from "../../src/tensor/index.ts";
import { U32, U64 } from "../support/bounds.ts";
import { expectSameBits } from "../support/expect.ts";
import { dot, dotSize, normals } from "../support/tensors.ts";

type Linear = readonly [
  name: string,
  shape: readonly number[],
  f: (x: A.Variable, fixed: (...shape: number[]) => Tensor) => A.Variable,
];

const ids = Int32Array.of(3, 0, 3, 3, 1, 4);
/** Linear operations, with the shape of their argument. */
const LINEAR: readonly Linear[] = [
  ["reshape", [4, 6], (x) => A.reshape(x, [3, -1])],
  ["permute", [2, 3, 4], (x) => A.permute(x, [2, 0, 1])],
  ["permute with negative axes", [2, 3, 4], (x) => A.permute(x, [-1, 0, -2])],
  ["transpose", [2, 3, 4], (x) => A.transpose(x)],
  ["slice of the leading axis", [5, 3], (x) => A.slice(x, 0, 1, 4)],
  ["slice of an inner axis", [2, 5, 3], (x) => A.slice(x, 1, 2, 3)],
  ["slice of nothing", [2, 5], (x) => A.slice(x, 1, 2, 2)],
  ["concat with itself", [2, 3], (x) => A.concat([x, x], 0)],
  ["concat with another", [2, 3], (x, fixed) => A.concat([x, A.mul(fixed(2, 2), 0), x], 1)],
  ["broadcastTo", [3, 1], (x) => A.broadcastTo(x, [2, 3, 4])],
  ["sum over everything", [3, 4], (x) => A.sum(x)],
  ["sum over an axis", [3, 4, 2], (x) => A.sum(x, { axis: 1 })],
  ["mean over axes", [3, 4, 2], (x) => A.mean(x, { axis: [0, 2], keepDims: true })],
  ["gather", [5, 3], (x) => A.gather(x, ids, [2, 3])],
  ["neg", [7], (x) => A.neg(x)],
  ["mul by a tensor", [3, 4], (x, fixed) => A.mul(x, fixed(4))],
  ["mul by a wider tensor", [4], (x, fixed) => A.mul(fixed(3, 4), x)],
  ["div by a tensor", [3, 4], (x, fixed) => A.div(x, A.exp(fixed(3, 1)))],
  ["sub from nothing", [3], (x) => A.sub(0, x)],
  ["add of itself", [3], (x) => A.add(x, x)],
  ["matmul from the left", [2, 3, 4], (x, fixed) => A.matmul(x, fixed(4, 5))],
  ["matmul from the right", [4, 5], (x, fixed) => A.matmul(fixed(2, 3, 4), x)],
  ["matmul of transposes", [5, 4], (x, fixed) => A.matmul(fixed(4, 3), x, { transposeA: true, transposeB: true })],
  [
    "matmul of a batch by a batch",
    [2, 3, 4],
    (x, fixed) => A.matmul(fixed(2, 4, 5), x, { transposeA: true, transposeB: true }),
  ],
  ["matmul of one by a batch", [3, 4], (x, fixed) => A.matmul(x, fixed(2, 4, 5))],
  ["linear in its input", [2, 3, 4], (x, fixed) => A.linear(x, fixed(4, 5))],
  ["linear in its kernel", [4, 5], (x, fixed) => A.linear(fixed(2, 3, 4), x)],
  [
    "patchify",
    [2, 4, 6, 3],
    (x) => A.reshape(A.permute(A.reshape(x, [2, 2, 2, 3, 2, 3]), [0, 1, 3, 2, 4, 5]), [2, 6, 12]),
  ],
];

describe.each([
  ["f32", U32],
  ["f64", U64],
] as const)("in %s ⟨A·x, y⟩ = ⟨x, Aᵀ·y⟩", (dtype, u) => {
  it.each(LINEAR)("for %s", (_, shape, f) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        scope(() => {
          const fixed = (...side: number[]) => normals(seed + 7, side, dtype);
          const x = A.parameter(normals(seed, shape, dtype));
          const Ax = A.noGrad(() => f(x, fixed).value);
          const y = normals(seed + 1, Ax.shape, dtype);
          A.backward(f(x, fixed), y);
          const back = x.grad as Tensor;
          expect(back.shape).toEqual(shape);
          // No sum here has more than a hundred terms of size ten.
          const off = 64 * u * (dotSize(Ax, y) + dotSize(x.value, back)) + 1000 * u;
          expect(Math.abs(dot(Ax, y) - dot(x.value, back))).toBeLessThanOrEqual(off);
          x.grad = undefined;
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe("the gradient", () => {
  it("of a sum is the cotangent, repeated; of a broadcast the cotangent, summed", () => {
    const x = A.parameter(normals(1, [2, 3]));
    A.backward(A.mul(A.sum(x), 2.5));
    expectSameBits((x.grad as Tensor).toArray(), new Float64Array(6).fill(2.5));
    const row = A.parameter(normals(2, [3]));
    A.backward(A.sum(A.add(normals(3, [4, 3]), row)));
    expectSameBits((row.grad as Tensor).toArray(), new Float64Array(3).fill(4));
  });

  it("of a gathered table accumulates in repeated rows and is exactly 0 elsewhere", () => {
    const table = A.parameter(normals(4, [5, 2]));
    A.backward(A.sum(A.gather(table, ids)));
    expectSameBits((table.grad as Tensor).toArray(), Float64Array.of(1, 1, 1, 1, 0, 0, 3, 3, 1, 1));
  });
});
