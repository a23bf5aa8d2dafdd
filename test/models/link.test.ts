import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copyLink, type Link, linkSize, piecesOf } from "../../src/models/link.ts";
import { Rng } from "../../src/tensor/index.ts";

/** Any link: some columns of a parameter, in either order, with its rows in any order. */
const links: fc.Arbitrary<Link> = fc
  .record({
    rows: fc.integer({ min: 1, max: 20 }),
    columns: fc.integer({ min: 1, max: 40 }),
    before: fc.nat(3),
    after: fc.nat(3),
    order: fc.constantFrom("rows" as const, "columns" as const),
    seed: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(({ rows, columns, before, after, order, seed }) => ({
    ...{ path: "ours", name: "theirs", rows, columns, order, start: 0 },
    ...{ column: before, width: before + columns + after },
    shape: order === "rows" ? [rows, columns] : [columns, rows],
    ...(order === "columns" && seed !== undefined && { rowAt: new Rng(seed).permutation(rows) }),
  }));

const numbered = (count: number) => Float64Array.from({ length: count }, (_, i) => i + 1);

describe("any link, in pieces of any size,", () => {
  const cases = fc.tuple(links, fc.integer({ min: 1, max: 900 }));

  it("reads each number into its place, and leaves all other columns as they are", () => {
    fc.assert(
      fc.property(cases, ([link, numbers]) => {
        const { rows, columns, width, column, order, rowAt } = link;
        const stored = numbered(linkSize(link));
        const ours = new Float64Array(rows * width);
        for (const [begin, end] of piecesOf(link, numbers)) {
          copyLink(link, "read", ours, stored.subarray(begin, end), begin);
        }
        const expected = new Float64Array(rows * width);
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            const row = order === "columns" && rowAt ? rowAt[r] : r;
            expected[row * width + column + c] = stored[order === "rows" ? r * columns + c : c * rows + r];
          }
        }
        expect(ours).toEqual(expected);
      }),
    );
  });

  it("writes what it reads, in pieces that follow one another", () => {
    fc.assert(
      fc.property(cases, ([link, numbers]) => {
        const ours = numbered(link.rows * link.width);
        const stored = new Float64Array(linkSize(link));
        let at = 0;
        for (const [begin, end] of piecesOf(link, numbers)) {
          expect(begin).toBe(at);
          copyLink(link, "write", ours, stored.subarray(begin, end), begin);
          at = end;
        }
        expect(at).toBe(linkSize(link));
        const back = ours.slice();
        copyLink(link, "read", back, stored);
        expect(back).toEqual(ours);
      }),
    );
  });
});
