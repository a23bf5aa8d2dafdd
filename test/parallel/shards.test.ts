import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { ownedShards, ShardError, sumOverShards } from "../../src/parallel/shards.ts";
import { heap, type Shape, scope, tensor } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";

const DTYPES = ["f32", "f64"] as const;
const worlds = fc.record({ shards: fc.integer({ min: 1, max: 24 }), wanted: fc.integer({ min: 1, max: 8 }) });

/** Neighbours first, then neighbours of those, level by level; an odd one out moves up unchanged. */
function treeOf(values: readonly number[], add: (a: number, b: number) => number): number {
  if (values.length === 1) return values[0];
  const next: number[] = [];
  for (let i = 0; i < values.length; i += 2) {
    next.push(i + 1 < values.length ? add(values[i], values[i + 1]) : values[i]);
  }
  return treeOf(next, add);
}

describe("ownedShards", () => {
  it("gives every shard to one rank, neighbours together, in order, as evenly as possible", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 64 }), (shards, size) => {
        const ranges = Array.from({ length: size }, (_, rank) => ownedShards(shards, rank, size));
        const all = ranges.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
        expect(all).toEqual(Array.from({ length: shards }, (_, i) => i));
        const counts = ranges.map(({ first, end }) => end - first);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe.each(DTYPES)("sumOverShards in %s", { timeout: 60_000 }, (dtype) => {
  const shape: Shape = [2, 3];
  const share = (shard: number, seed: number) => normals(seed + 1000 * shard, shape, dtype);

  it("is one tree over the shards, bit-identical on every rank and for every ownership", () => {
    fc.assert(
      fc.property(worlds, fc.nat(1000), ({ shards, wanted }, seed) => {
        const size = Math.min(wanted, shards);
        const asked: number[][] = [];
        const sums = lockstep(size, (comm) => {
          const mine: number[] = [];
          asked[comm.rank] = mine;
          const [sum, other] = sumOverShards(shards, comm, (shard) => {
            mine.push(shard);
            return [share(shard, seed), tensor([shard], [], dtype)];
          });
          expect(other.item()).toBe((shards * (shards - 1)) / 2);
          return sum.toArray();
        });
        const leaves = Array.from({ length: shards }, (_, shard) => share(shard, seed).toArray());
        const add = (a: number, b: number) => (dtype === "f32" ? Math.fround(a + b) : a + b);
        const expected = Array.from({ length: 6 }, (_, i) => treeOf(leaves.map((leaf) => leaf[i]), add)); // biome-ignore format: a line
        for (const sum of sums) expectSameBits(sum, expected);
        asked.forEach((mine, rank) => {
          const { first, end } = ownedShards(shards, rank, size);
          expect(mine).toEqual(Array.from({ length: end - first }, (_, i) => first + i));
        });
      }),
      { numRuns: 60 },
    );
  });

  it("holds one sum per level of the tree, not one per shard", () => {
    const [shards, bytes] = [64, 4096];
    let most = 0;
    scope(() => {
      const before = heap.liveBytes;
      sumOverShards(shards, alone, () => {
        most = Math.max(most, heap.liveBytes - before);
        return [tensor(new Float64Array(bytes / 4), [bytes / 4], "f32")];
      });
    });
    expect(most).toBeLessThanOrEqual((Math.log2(shards) + 2) * bytes);
  });
});

it("sumOverShards refuses fewer shards than devices", () => {
  const run = () =>
    lockstep(3, (comm) => {
      sumOverShards(2, comm, (shard) => [tensor([shard], [1])]);
    });
  expect(run).toThrow(ShardError);
});
