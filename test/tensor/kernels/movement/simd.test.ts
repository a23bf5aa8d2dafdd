import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simdMovement } from "../../../../src/tensor/kernels/movement/simd.ts";
import { sizeOf, stridesOf } from "../../../../src/tensor/shape.ts";
import { heap, oracle, run, sameBits, seeds, uniform, VARIANTS } from "../arena.ts";

/** The axes 0..rank−1 in any order. */
const orderOf = (rank: number) => fc.shuffledSubarray([...Array(rank).keys()], { minLength: rank, maxLength: rank });

describe.each(VARIANTS)("movement, %o", (variant) => {
  const kernels = simdMovement(heap, variant);
  const strided = (k: Pick<typeof oracle, "strided">, shape: number[], strides: number[], x: Float32Array) =>
    run([x], [sizeOf(shape)], ([px], [out]) => k.strided(shape, strides, px, out))[0];

  test("strided permutes and repeats axes like the oracle, up to rank 8, sides of 0 and 1 included", () => {
    const cases = fc
      .array(fc.record({ side: fc.integer({ min: 0, max: 3 }), repeated: fc.boolean() }), { maxLength: 8 })
      .chain((axes) => fc.record({ axes: fc.constant(axes), order: orderOf(axes.length) }));
    fc.assert(
      fc.property(cases, ({ axes, order }) => {
        const own = axes.map(({ side, repeated }) => (repeated ? 1 : side));
        const strides = stridesOf(own).map((stride, i) => (axes[i].repeated ? 0 : stride));
        const shape = order.map((axis) => axes[axis].side);
        const steps = order.map((axis) => strides[axis]);
        const x = uniform(Math.max(1, sizeOf(own)), 1);
        expect(sameBits(strided(kernels, shape, steps, x), strided(oracle, shape, steps, x))).toBe(true);
      }),
    );
  });

  test("strided transposes matrices of all sizes around its blocks, alone and in a batch", () => {
    const side = fc.integer({ min: 1, max: 37 });
    fc.assert(
      fc.property(side, side, fc.constantFrom(1, 2, 3), (rows, cols, batch) => {
        const x = uniform(batch * rows * cols, rows);
        const [shape, strides] = [
          [batch, rows, cols],
          [rows * cols, 1, rows],
        ];
        const once = strided(kernels, shape, strides, x);
        expect(sameBits(once, strided(oracle, shape, strides, x))).toBe(true);
        const twice = strided(kernels, [batch, cols, rows], [rows * cols, 1, cols], once);
        expect(sameBits(twice, x)).toBe(true);
      }),
    );
  });

  test("strided copies runs and repeats numbers of every length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 67 }), fc.integer({ min: 1, max: 5 }), (run, rows) => {
        const x = uniform(rows * (run + 2), run);
        for (const strides of [
          [run + 2, 1],
          [run + 2, 0],
          [0, 1],
          [1, 0],
        ]) {
          const shape = [rows, run];
          expect(sameBits(strided(kernels, shape, strides, x), strided(oracle, shape, strides, x))).toBe(true);
        }
      }),
    );
  });

  const lists = fc.record({
    ids: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 20 }),
    cols: fc.integer({ min: 1, max: 67 }),
    seed: seeds,
  });

  test("gather copies rows, also repeated ones", () => {
    fc.assert(
      fc.property(lists, ({ ids, cols, seed }) => {
        const table = uniform(7 * cols, seed);
        const [got, want] = [kernels, oracle].map(
          (k) => run([table], [ids.length * cols], ([t], [out]) => k.gather(cols, t, Int32Array.from(ids), out))[0],
        );
        expect(sameBits(got, want)).toBe(true);
      }),
    );
  });

  test("scatterAdd adds rows one after the other, bit by bit like the oracle", () => {
    fc.assert(
      fc.property(lists, ({ ids, cols, seed }) => {
        const [x, table] = [uniform(ids.length * cols, seed), uniform(7 * cols, seed + 1)];
        const [got, want] = [kernels, oracle].map(
          (k) =>
            run([x, table], [table.length], ([px, pt], [out]) => {
              oracle.copy(table.length, pt, out);
              k.scatterAdd(cols, px, Int32Array.from(ids), out);
            })[0],
        );
        expect(sameBits(got, want)).toBe(true);
      }),
    );
  });

  test("fill and copy write n numbers and no more", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 67 }), fc.float(), seeds, (n, value, seed) => {
        const x = uniform(n, seed);
        const [filled, copied] = run([x], [n, n], ([px], [a, b]) => {
          kernels.fill(n, value, a);
          kernels.copy(n, px, b);
        });
        expect([...filled]).toEqual(new Array(n).fill(Math.fround(value)));
        expect(sameBits(copied, x)).toBe(true);
      }),
    );
  });
});
