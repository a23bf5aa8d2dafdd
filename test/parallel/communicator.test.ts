import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone, treeSum } from "../../src/parallel/communicator.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { add, slice, type Tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";

describe("alone", () => {
  it("does what a world of one does, into new memory", () => {
    const [together] = lockstep(1, (comm) => {
      const x = normals(1, [2, 3]);
      return [comm.shift(x, 1), comm.shift(x, -1), comm.allGather(x), comm.allReduce(x), comm.broadcast(x, 0)].map(
        ({ shape, data }) => [shape, Array.from(data)],
      );
    });
    const x = normals(1, [2, 3]);
    const results = [
      alone.shift(x, 1),
      alone.shift(x, -1),
      alone.allGather(x),
      alone.allReduce(x),
      alone.broadcast(x, 0),
    ];
    expect(results.map(({ shape, data }) => [shape, Array.from(data)])).toEqual(together);
    for (const result of results) expect(result.address).not.toBe(x.address);
    alone.barrier();
  });
});

describe("treeSum", () => {
  /** Left: the largest power of two below n. */
  const byHalves = (parts: readonly Tensor[]): Tensor => {
    if (parts.length === 1) return parts[0];
    let left = 1;
    while (2 * left < parts.length) left *= 2;
    return add(byHalves(parts.slice(0, left)), byHalves(parts.slice(left)));
  };

  it("adds neighbours first for any n, and keeps the shape of the terms", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(1e6), fc.constantFrom("f32", "f64"), (n, seed, dtype) => {
        const x = normals(seed, [n, 2, 2], dtype);
        const parts = Array.from({ length: n }, (_, i) => slice(x, 0, i, i + 1).view([2, 2]));
        const sum = treeSum(x);
        expect(sum.shape).toEqual([2, 2]);
        expectSameBits(sum.data, byHalves(parts).data);
      }),
    );
  });

  it("of one term is a copy", () => {
    const x = zeros([1, 3]);
    expect(treeSum(x).address).not.toBe(x.address);
  });
});
