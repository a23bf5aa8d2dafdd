import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backward, mul, parameter, sum } from "../../src/autograd/index.ts";
import { allGather, type Communicator, ringShift } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { type Shape, tensor } from "../../src/tensor/index.ts";
import { gamma, U32, U64 } from "../support/bounds.ts";
import { expectWithin } from "../support/expect.ts";
import { dot, dotSize, normals, shapes } from "../support/tensors.ts";

const sizes = fc.integer({ min: 1, max: 8 });

/** By rank: ⟨A x, y⟩ and ⟨x, Aᵀ y⟩, and the scale of their rounding errors. */
function products(
  size: number,
  shape: Shape,
  outShape: Shape,
  seed: number,
  dtype: "f32" | "f64",
  A: (x: ReturnType<typeof parameter>, comm: Communicator) => ReturnType<typeof parameter>,
) {
  return lockstep(size, (comm) => {
    const x = parameter(normals(seed + comm.rank, shape, dtype));
    const y = normals(seed + 100 + comm.rank, outShape, dtype);
    const out = A(x, comm);
    const forward = dot(out.value, y);
    const scale = dotSize(out.value, y);
    backward(out, y);
    const back = x.grad ? dot(x.value, x.grad) : Number.NaN;
    return { forward, back, scale };
  });
}

const total = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0);

describe.each([
  ["f32", U32],
  ["f64", U64],
] as const)("in %s, summed over all ranks, ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for", (dtype, u) => {
  const check = (parts: ReturnType<typeof products>, terms: number) => {
    const bound = (gamma(8, u) + gamma(terms, U64)) * total(parts.map(({ scale }) => scale));
    expectWithin([total(parts.map(({ forward }) => forward))], [total(parts.map(({ back }) => back))], bound);
  };

  it.each([1, -1] as const)("ringShift by %i", (by) => {
    fc.assert(
      fc.property(sizes, shapes(0, 3), fc.nat(1e6), (size, shape, seed) => {
        check(
          products(size, shape, shape, seed, dtype, (x, comm) => ringShift(x, comm, by)),
          64 * size,
        );
      }),
    );
  });

  it("allGather", () => {
    fc.assert(
      fc.property(sizes, shapes(0, 3), fc.nat(1e6), (size, shape, seed) => {
        check(products(size, shape, [size, ...shape], seed, dtype, allGather), 64 * size * size);
      }),
    );
  });
});

describe("ringShift", () => {
  it.each([
    [1, [2, 0, 1], [11, 12, 10]],
    [-1, [1, 2, 0], [12, 10, 11]],
  ] as const)("by %i brings the neighbour's block, and gradients go home the other way", (by, blocks, gradients) => {
    const out = lockstep(3, (comm) => {
      const x = parameter(tensor([comm.rank], [1]));
      const moved = ringShift(x, comm, by);
      const value = moved.value.item();
      backward(sum(mul(moved, tensor([10 + comm.rank], [1])))); // whoever received a block weighs it by its own rank
      return [value, x.grad?.item()];
    });
    expect(out.map(([value]) => value)).toEqual(blocks);
    expect(out.map(([, grad]) => grad)).toEqual(gradients);
  });

  it("shifts by −1 by default: rank r receives from r + 1", () => {
    expect(lockstep(3, (comm) => ringShift(tensor([comm.rank], [1]), comm).value.item())).toEqual([1, 2, 0]);
  });
});

describe("allGather", () => {
  it("gives all blocks by rank, and each block the sum of its gradients", () => {
    const out = lockstep(3, (comm) => {
      const x = parameter(tensor([comm.rank, -comm.rank], [2]));
      const all = allGather(x, comm); // [3, 2]
      const value = all.value.toArray();
      backward(sum(mul(all, tensor([1, 2, 3, 4, 5, 6], [3, 2]))));
      return { value: Array.from(value), grad: Array.from(x.grad?.data ?? []) };
    });
    for (const { value } of out) expect(value).toEqual([0, -0, 1, -1, 2, -2]);
    expect(out.map(({ grad }) => grad)).toEqual([[3, 6], [9, 12], [15, 18]]); // biome-ignore format: a rank each
  });
});
