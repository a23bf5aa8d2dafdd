import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gather, IndexError, ShapeError, scatterAdd, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";

const tables = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), cols: fc.integer({ min: 1, max: 9 }), seed: fc.nat() })
  .chain(({ rows, cols, seed }) =>
    fc.record({
      rows: fc.constant(rows),
      cols: fc.constant(cols),
      seed: fc.constant(seed),
      ids: fc.array(fc.nat(rows - 1), { maxLength: 12 }).map((ids) => Int32Array.from(ids)),
    }),
  );

describe.each(["f32", "f64"] as const)("rows of a table in %s", (dtype) => {
  it("are gathered by id, bit for bit", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed, ids }) => {
        const table = normals(seed, [rows, cols], dtype);
        const out = gather(table, ids);
        expect(out.shape).toEqual([ids.length, cols]);
        ids.forEach((id, i) => {
          expectSameBits(
            out.toArray().slice(i * cols, (i + 1) * cols),
            table.toArray().slice(id * cols, (id + 1) * cols),
          );
        });
      }),
    );
  });

  it("accumulate in scatterAdd where an id repeats, in order, and stay exactly 0 elsewhere", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed, ids }) => {
        const x = normals(seed, [ids.length, cols], dtype);
        const expected = zeros([rows, cols], dtype).toArray();
        ids.forEach((id, i) => {
          for (let j = 0; j < cols; j++) expected[id * cols + j] += x.data[i * cols + j];
        });
        expectSameBits(scatterAdd(x, ids, rows).toArray(), expected);
      }),
    );
  });
});

describe("gather and scatterAdd", () => {
  it("take ids of any shape", () => {
    expect(gather(zeros([5, 3]), new Int32Array(6), [2, 3]).shape).toEqual([2, 3, 3]);
    expect([...scatterAdd(tensor([1, 2, 3, 4], [2, 2, 1]), Int32Array.of(0, 1, 0, 0), 2).data]).toEqual([8, 2]);
  });

  it("name the entry and the row outside the table, and shapes that do not fit", () => {
    const outside = new IndexError("gather: entry 1 is row 5, but the table has rows 0..4");
    expect(() => gather(zeros([5, 3]), Int32Array.of(0, 5))).toThrow(outside);
    expect(() => gather(zeros([5, 3]), Int32Array.of(-1))).toThrow(IndexError);
    expect(() => scatterAdd(zeros([1, 3]), Int32Array.of(7), 5)).toThrow(
      new IndexError("scatterAdd: entry 0 is row 7, but the table has rows 0..4"),
    );
    expect(() => gather(zeros([5]), Int32Array.of(0))).toThrow(
      new ShapeError("gather: the table must be [rows, width], not [5]"),
    );
    expect(() => gather(zeros([5, 3]), Int32Array.of(0, 1), [3])).toThrow(
      new ShapeError("gather: 2 ids do not fill [3]"),
    );
    expect(() => scatterAdd(zeros([2, 3]), Int32Array.of(0), 5)).toThrow(
      new ShapeError("scatterAdd: 1 ids do not match the rows of x [2, 3]"),
    );
  });
});
