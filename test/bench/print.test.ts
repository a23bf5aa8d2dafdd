import { expect, test } from "vitest";
import { line } from "../../bench/print.ts";
import { atLeast, atMost } from "../../bench/row.ts";

const row = { bench: "gemm", case: "NN 8x8x8", gflops: 107.21, ratio: { openblas: 1.0312 } };
const parts = (text: string) => text.split(/ {2,}/);

test("a line tells figures, then ratios, then what is asked and whether it holds", () => {
  expect(parts(line(atLeast(row, { openblas: 0.95 })))).toEqual([
    "gemm",
    "NN 8x8x8",
    "gflops 107.2",
    "1.031 × openblas",
    "ok: openblas >= 0.95",
  ]);
});

test("a line says that a bar was missed", () => {
  expect(parts(line(atMost({ ...row, ratio: {} }, { gflops: 100 }))).at(-1)).toBe("MISSED: gflops <= 100");
});

test("a line says that a bar could not be judged", () => {
  expect(parts(line(atLeast({ ...row, ratio: {} }, { openblas: 0.95 }))).at(-1)).toBe("not judged: openblas >= 0.95");
});

test("a line without a bar ends with its ratios", () => {
  expect(parts(line(row)).at(-1)).toBe("1.031 × openblas");
});
