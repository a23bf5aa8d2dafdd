import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parameterWithLayout, type Variable } from "../../../src/autograd/index.ts";
import { AdamW, adafactor } from "../../../src/nn/index.ts";
import { factoringOf } from "../../../src/nn/optim/adafactor.ts";
import { tensor, zeros } from "../../../src/tensor/index.ts";
import { expectWithin } from "../../support/expect.ts";
import { draws, replay, STEPS } from "../../support/replay.ts";

/** Ten steps of a parameter [A, B, C] whose second moment is factored over A and C, as big_vision writes it. */
function reference(start: readonly number[], gradients: readonly (readonly number[])[], axes: readonly number[]): number[] {
  const [A, B, C] = axes;
  const p = [...start];
  const m = p.map(() => 0);
  const [row, column] = [new Float64Array(A * B), new Float64Array(B * C)]; // means over C and over A
  gradients.forEach((gradient, step) => {
    const beta2 = Math.fround(Math.min(0.95, 1 - (step + 1) ** -0.8));
    row.forEach((v, i) => { row[i] = beta2 * v + (1 - beta2) * 1e-30; });
    column.forEach((v, i) => { column[i] = beta2 * v + (1 - beta2) * 1e-30; });
    const at = (i: number) => ({ a: Math.floor(i / (B * C)), b: Math.floor(i / C) % B, c: i % C });
    gradient.forEach((g, i) => {
      const { a, b, c } = at(i);
      row[a * B + b] += ((1 - beta2) * g * g) / C;
      column[b * C + c] += ((1 - beta2) * g * g) / A;
    });
    const mean = Array.from({ length: B }, (_, b) => row.filter((_, i) => i % B === b).reduce((x, y) => x + y, 0) / A);
    gradient.forEach((g, i) => {
      const { a, b, c } = at(i);
      m[i] = 0.9 * m[i] + (0.1 * g) / Math.sqrt((row[a * B + b] * column[b * C + c]) / mean[b]);
      p[i] -= 0.01 * m[i] + 0.001 * p[i];
    });
  });
  return p;
} // biome-ignore format: a line each

const OPTIONS = { lr: 0.01, weightDecay: 0.001, bfloat16: false };

describe.each([
  ["f64", 1e-8], // the reference takes its power from Math
  ["f32", 4e-6],
] as const)("Adafactor in %s", (dtype, tolerance) => {
  it("factors the second moments of each head apart", () => {
    const shape = [34, 3 * 2 * 33]; // queries, keys and values of two heads
    const { start, gradients, end } = replay((p) => adafactor(p, OPTIONS), { shape, axes: [34, 3, 2, 33] }, dtype);
    expectWithin(end, reference(start, gradients, [34, 6, 33]), tolerance);
  });

  it("updates fused projections as it does each alone", () => {
    const [D, parts, heads, K] = [40, 3, 2, 32];
    const columns = heads * K;
    const start = draws(D * parts * columns, 1);
    const gradients = Array.from({ length: STEPS }, (_, step) => draws(start.length, 2 + step));
    const isOf = (part: number) => (_: number, i: number) => Math.floor(i / columns) % parts === part;
    const run = (from: readonly number[], grads: readonly (readonly number[])[], axes: readonly number[]): number[] => {
      const p = parameterWithLayout(tensor(from, [D, from.length / D], dtype), { axes });
      const optimizer = adafactor(new Map([["a/kernel", p]]), { lr: 0.01 });
      for (const g of grads) {
        p.grad = tensor(g, p.shape, dtype);
        optimizer.step(1);
      }
      return [...p.value.data];
    };
    const fused = run(start, gradients, [D, parts, heads, K]);
    for (let part = 0; part < parts; part++) {
      const own = run(
        start.filter(isOf(part)),
        gradients.map((g) => g.filter(isOf(part))),
        [D, heads, K],
      );
      expect(own).toEqual(fused.filter(isOf(part)));
    }
  });
});

describe("the state of Adafactor", () => {
  const stateOf = (shape: readonly number[], axes = shape) =>
    adafactor(new Map<string, Variable>([["x", parameterWithLayout(zeros(shape), { axes })]]), { lr: 1 }).state();

  it("is a momentum, and rows and columns by name where it is factored", () => {
    expect([...stateOf([64, 256])].map(([name, { shape }]) => [name, shape])).toEqual([
      ["x/m", [64, 256]],
      ["x/vRow", [64]],
      ["x/vColumn", [256]],
    ]);
    expect([...stateOf([31, 256]).keys()]).toEqual(["x/m", "x/v"]);
    expect([...stateOf([768, 768], [16, 16, 3, 768]).keys()]).toEqual(["x/m", "x/v"]);
    expect([...stateOf([]).keys()]).toEqual(["x/m", "x/v"]);
  });

  it("takes little more than half of AdamW's for a matrix", () => {
    const numbers = (state: ReadonlyMap<string, { readonly size: number }>) =>
      [...state.values()].reduce((sum, { size }) => sum + size, 0);
    const adamW = new AdamW(new Map([["x", parameterWithLayout(zeros([64, 256]), { axes: [64, 256] })]]), { lr: 1 });
    expect(numbers(stateOf([64, 256])) / numbers(adamW.state())).toBeLessThan(0.51);
  });

  it("factors the two largest axes, if both have 32 entries and the last is one of them", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 4 }), (axes) => {
        const found = factoringOf(axes);
        const sorted = [...axes].sort((a, b) => b - a);
        const last = axes[axes.length - 1];
        if (axes.length < 2 || sorted[1] < 32 || last < sorted[1]) expect(found).toBeUndefined();
        else if (found) {
          const { outer, rows, middle, cols } = found.sizes;
          expect(outer * rows * middle * cols).toBe(axes.reduce((a, b) => a * b));
          expect([rows, cols].sort((a, b) => b - a)).toEqual(sorted.slice(0, 2));
        } else expect.fail(`${axes} is not factored`);
      }),
    );
  });
});
