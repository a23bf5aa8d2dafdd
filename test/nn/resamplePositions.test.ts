/** Positions at another resolution: the rules of big_vision and PyTorch, and what holds for any of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Grid, type Resampling, resamplePositions, sincos2d } from "../../src/nn/index.ts";
import { generate, Rng, ShapeError, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { torchCases } from "../parity/torch/cases.ts";
import { expectWithin } from "../support/expect.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../support/goldens.ts";

const RULES: readonly Resampling[] = [
  { rule: "zoom" },
  ...(["bilinear", "bicubic"] as const).flatMap((rule) => [{ rule }, { rule, antialias: true }]),
];
const bigVision = new Goldens("big_vision/posemb");
const { sizes, sincos, f32_minus_f64 } = goldenJson<{
  sizes: [number, number][];
  sincos: [number, number, number][];
  f32_minus_f64: { rel_to_max: number };
}>("big_vision/posemb");
const ofPytorch = torchCases("ops").filter(({ name }) => name.startsWith("posemb_"));
const square = (side: number): Grid => [side, side];

describe.each(DTYPES)("in %s, resampled positions are those of", (dtype) => {
  const tolerance = dtype === "f64" ? 1e-12 : 4 * f32_minus_f64.rel_to_max;

  it.each(sizes)("big_vision: %i² to %i²", (from, to) => {
    const table = bigVision.tensor(`${from}_to_${to}.in`, dtype, [from * from, 6]);
    const positions = resamplePositions(table, square(from), square(to), { rule: "zoom" });
    expectClose(positions, bigVision.get(`${from}_to_${to}.f64`), { tolerance });
  });

  it.each(ofPytorch.map((at) => [at.name, at] as const))("PyTorch: %s", (name, at) => {
    const rule = name.includes("bicubic") ? "bicubic" : "bilinear";
    const [, from, to] = /_(\d)to(\d)/.exec(name) as RegExpExecArray;
    const table = at.tensor("in.x", dtype);
    const positions = resamplePositions(
      table.view([Number(from) ** 2, at.settings.config.W]),
      square(Number(from)),
      square(Number(to)),
      { rule, antialias: name.endsWith("antialias") },
    );
    at.expectClose("out.y", positions, dtype);
  });

  it.each(sincos)("big_vision's sines and cosines: %i by %i patches, width %i", (rows, cols, width) => {
    // 32-bit sines of 32-bit phases up to 13.
    const tolerance = dtype === "f64" ? 1e-12 : 2e-6;
    expectClose(sincos2d(rows, cols, width, dtype), bigVision.get(`sincos_${rows}x${cols}x${width}.f64`), {
      tolerance,
    });
  });
});

it("all goldens are there", () => expect([sizes.length, ofPytorch.length, sincos.length]).toEqual([13, 8, 5]));

const side = fc.integer({ min: 1, max: 7 });
const grid: fc.Arbitrary<Grid> = fc.tuple(side, side);
const rule = fc.constantFrom(...RULES);
const table = (seed: number, [rows, cols]: Grid, width = 3): Tensor => {
  const rng = new Rng(seed);
  return generate([rows * cols, width], () => rng.normal(), "f64");
};

describe("by any rule, resampling", () => {
  it("to the same grid changes nothing", () => {
    fc.assert(
      fc.property(grid, rule, fc.nat(), (from, resampling, seed) => {
        const x = table(seed, from);
        expectWithin(resamplePositions(x, from, from, resampling).data, x.toArray(), 1e-14);
      }),
    );
  });

  it("keeps a constant", () => {
    fc.assert(
      fc.property(grid, grid, rule, (from, to, resampling) => {
        const ones = generate([from[0] * from[1], 2], () => 1, "f64");
        const out = resamplePositions(ones, from, to, resampling);
        expectWithin(out.data, new Float64Array(to[0] * to[1] * 2).fill(1), 1e-13);
      }),
    );
  });

  it("commutes with exchanging rows and columns, and with turning the image over", () => {
    fc.assert(
      fc.property(grid, grid, rule, fc.nat(), (from, to, resampling, seed) => {
        const exchanged = (x: Tensor, [rows, cols]: Grid): Tensor =>
          pick(x, cols * rows, (i) => (i % rows) * cols + Math.floor(i / rows));
        const turned = (x: Tensor): Tensor => pick(x, x.shape[0], (i) => x.shape[0] - 1 - i);
        const x = table(seed, from);
        const y = resamplePositions(x, from, to, resampling);
        const [flipped, over] = [[from[1], from[0]] as Grid, [to[1], to[0]] as Grid];
        const other = resamplePositions(exchanged(x, from), flipped, over, resampling);
        expectWithin(other.data, exchanged(y, to).toArray(), 1e-12);
        if (resampling.rule === "zoom" && to.includes(1)) return; // reads the first of an axis, as SciPy does
        expectWithin(resamplePositions(turned(x), from, to, resampling).data, turned(y).toArray(), 1e-12);
      }),
    );
  });
});

/** Row i of the result is row `from(i)` of x. */
function pick(x: Tensor, rows: number, from: (i: number) => number): Tensor {
  const width = x.shape[1];
  return tensor(
    Array.from({ length: rows * width }, (_, i) => x.data[from(Math.floor(i / width)) * width + (i % width)]),
    [rows, width],
    "f64",
  );
}

it("refuses a table that is not one of the grid", () => {
  const to: Grid = [2, 2];
  expect(() => resamplePositions(zeros([9, 4]), [3, 4], to, { rule: "zoom" })).toThrow(
    "resamplePositions: a table [9, 4] of a grid [3, 4], to [2, 2]; the table must be [rows·cols, width]",
  );
  for (const wrong of [
    [0, 2],
    [1.5, 2],
    [2, Number.NaN],
  ] as Grid[]) {
    expect(() => resamplePositions(zeros([9, 4]), [3, 3], wrong, { rule: "bicubic" })).toThrow(ShapeError);
  }
});
