/** Muon against its formula, written out in f64. */
import { describe, expect, it } from "vitest";
import { parameter } from "../../../src/autograd/index.ts";
import { AdamW, muon, OptimizerError } from "../../../src/nn/index.ts";
import { tensor } from "../../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../../support/expect.ts";
import { replay, STEPS } from "../../support/replay.ts";

type Matrix = number[][];

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const flipped = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const sum = (...terms: [number, Matrix][]): Matrix =>
  terms[0][1].map((row, i) =>
    row.map((_, j) => terms.reduce((total, [factor, each]) => total + factor * each[i][j], 0)),
  );
// biome-ignore format: formulas

/** X = N / (‖N‖ + 1e-7), the shorter side first; five times A = X·Xᵀ, X ← a·X + (b·A + c·A²)·X. */
function orthogonal(n: Matrix): Matrix {
  if (n.length > n[0].length) return flipped(orthogonal(flipped(n)));
  const norm = Math.hypot(...n.flat());
  let x = n.map((row) => row.map((value) => value / (norm + 1e-7)));
  for (let i = 0; i < 5; i++) {
    const a = product(x, flipped(x));
    x = sum([3.4445, x], [1, product(sum([-4.775, a], [2.0315, product(a, a)]), x)]);
  }
  return x;
}

/** Ten steps of one matrix. */
function reference(start: Matrix, gradients: readonly Matrix[], factor: (step: number) => number): Matrix {
  let w = start;
  let m = start.map((row) => row.map(() => 0));
  gradients.forEach((g, step) => {
    const mu = 0.85 + 0.1 * Math.min(1, step / 4);
    m = sum([mu, m], [1 - mu, g]);
    const x = orthogonal(sum([1 - mu, g], [mu, m]));
    const size = 0.2 * Math.sqrt(Math.max(w.length, w[0].length));
    w = sum([1 - factor(step) * 0.03, w], [-factor(step) * 0.02 * size, x]);
  });
  return w;
}

const OPTIONS = { lr: 0.5, matrixLr: 0.02, weightDecay: 0.03, momentumWarmup: 4 };
const factor = (step: number): number => 1 - step / STEPS;

/** Part `part` of `parts` of a flat [rows, parts·columns]. */
const part = (flat: readonly number[], rows: number, parts: number, index: number): Matrix => {
  const columns = flat.length / rows / parts;
  return Array.from({ length: rows }, (_, i) =>
    flat.slice((i * parts + index) * columns, (i * parts + index + 1) * columns),
  );
};

describe.each([
  ["f64", 1e-11],
  ["f32", 2e-5],
] as const)("Muon in %s takes the steps of its formula:", (dtype, tolerance) => {
  it.each([
    ["a square matrix", [6, 6], 1],
    ["a wide one", [4, 9], 1],
    ["a high one", [9, 4], 1],
    ["queries, keys and values, each apart", [6, 18], 3],
    ["high parts side by side", [8, 10], 2],
  ] as const)("%s", (_, shape, parts) => {
    const { start, gradients, end } = replay((p) => muon(p, OPTIONS), { shape, parts, factor }, dtype);
    for (let i = 0; i < parts; i++) {
      const of = (flat: readonly number[]): Matrix => part(flat, shape[0], parts, i);
      const want = reference(of(start), gradients.map(of), factor);
      expectWithin(of(end).flat(), want.flat(), tolerance);
    }
  });
});

describe("Muon", () => {
  const leaves = () =>
    new Map([
      ["x/kernel", parameter(tensor([1, 2, 3, 4], [2, 2]))],
      ["text/embedding", parameter(tensor([1, 2, 3, 4], [2, 2]))],
      ["x/bias", parameter(tensor([1, 2], [2]))],
    ]);

  it("updates all but its hidden matrices by AdamW", () => {
    const options = { lr: 0.1, beta1: 0.8, beta2: 0.9, eps: 1e-4, weightDecay: 0.1, decayed: ".*" };
    const [mixed, plain] = [leaves(), leaves()];
    const [byMuon, adamW] = [muon(mixed, options), new AdamW(plain, options)];
    for (let step = 0; step < 3; step++) {
      for (const leaf of [...mixed.values(), ...plain.values()]) leaf.grad = tensor([3, -1, step, 2].slice(0, leaf.value.size), leaf.shape);
      byMuon.step(1);
      adamW.step(1);
    } // biome-ignore format: one line
    for (const path of ["text/embedding", "x/bias"]) {
      expectSameBits(mixed.get(path)?.value.data as Float32Array, plain.get(path)?.value.data as Float32Array);
    }
    expect(mixed.get("x/kernel")?.value.data).not.toEqual(plain.get("x/kernel")?.value.data);
    expect([...byMuon.state().keys()]).toEqual([
      "x/kernel/m",
      "text/embedding/m",
      "text/embedding/v",
      "x/bias/m",
      "x/bias/v",
    ]);
  });

  it("moves a matrix by about its rate whatever the size of its gradient, and only by the pattern's choice", () => {
    const moved = (hidden: string, size: number): number => {
      const p = leaves();
      const optimizer = muon(p, { lr: 0, matrixLr: 0.1, hidden });
      for (const leaf of p.values()) leaf.grad = tensor([size, -size, size, size / 3].slice(0, leaf.value.size), leaf.shape);
      optimizer.step(1);
      return Math.hypot(...[...(p.get("x/kernel")?.value.data ?? [])].map((x, i) => x - (i + 1)));
    }; // biome-ignore format: one line
    expect(moved(".*/kernel", 1e-3)).toBeCloseTo(moved(".*/kernel", 1e3), 3);
    expect(moved(".*/kernel", 1)).toBeGreaterThan(0.1 * 0.2);
    expect(moved("text/embedding", 1)).toBe(0);
  });

  it("refuses a pattern of hidden matrices that matches something else", () => {
    expect(() => muon(leaves(), { lr: 1, hidden: "x/.*" })).toThrow(
      new OptimizerError("muon: x/bias [2] is not a matrix; leave it out of the pattern hidden"),
    );
    expect(() => muon(leaves(), { lr: 1, momentumWarmup: 0.5 })).toThrow(/momentumWarmup 0.5 is not an integer/);
  });
});
