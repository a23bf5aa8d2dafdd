import { describe, expect, it } from "vitest";
import * as A from "../../src/autograd/index.ts";
import * as T from "../../src/tensor/index.ts";
import { generate, Rng, type Shape, type Tensor } from "../../src/tensor/index.ts";

const rng = new Rng(1).split("gradcheck");
const normal = (...shape: number[]): Tensor => generate(shape, () => rng.normal(), "f64");
/** Positive and away from 0: for log, sqrt, div. */
const positive = (...shape: number[]): Tensor => generate(shape, () => rng.between(0.5, 2), "f64");

type Row = readonly [name: string, f: (...xs: A.Variable[]) => A.Variable, inputs: readonly Tensor[]];

const ids = Int32Array.of(2, 0, 2, 3);
/** One row or more for every differentiable operation. Each result is weighted with fixed random numbers and summed. */
const rows: readonly Row[] = [
  ["add", (a, b) => A.add(a, b), [normal(3, 4), normal(4)]],
  ["add", (a, b) => A.add(a, b), [normal(3, 1), normal(2, 1, 4)]],
  ["sub", (a, b) => A.sub(a, b), [normal(3, 4), normal(3, 1)]],
  ["sub", (a) => A.sub(2, a), [normal(3)]],
  ["mul", (a, b) => A.mul(a, b), [normal(3, 4), normal(4)]],
  ["mul", (a, b) => A.mul(a, b), [normal(), normal(2, 3)]],
  ["div", (a, b) => A.div(a, b), [normal(3, 4), positive(3, 1)]],
  ["div", (b) => A.div(3, b), [positive(5)]],
  ["neg", (x) => A.neg(x), [normal(5)]],
  ["abs", (x) => A.abs(x), [positive(5)]],
  ["square", (x) => A.square(x), [normal(5)]],
  ["sqrt", (x) => A.sqrt(x), [positive(5)]],
  ["exp", (x) => A.exp(x), [normal(5)]],
  ["log", (x) => A.log(x), [positive(5)]],
  ["tanh", (x) => A.tanh(x), [normal(9)]],
  ["sigmoid", (x) => A.sigmoid(x), [normal(9)]],
  ["logSigmoid", (x) => A.logSigmoid(x), [normal(9)]],
  ["softplus", (x) => A.softplus(x), [normal(9)]],
  ["gelu", (x) => A.gelu(x), [normal(9)]],
  ["geluErf", (x) => A.geluErf(x), [normal(9)]],
  ["sum", (x) => A.sum(x), [normal(3, 4)]],
  ["sum", (x) => A.sum(x, { axis: 0 }), [normal(3, 4, 2)]],
  ["sum", (x) => A.sum(x, { axis: [0, -1], keepDims: true }), [normal(3, 4, 2)]],
  ["sum", (x) => A.sum(x, { axis: 1 }), [normal(3, 4, 2)]],
  ["mean", (x) => A.mean(x, { axis: -1 }), [normal(3, 4)]],
  ["max", (x) => A.max(x), [normal(3, 4)]],
  ["max", (x) => A.max(x, { axis: 1 }), [normal(3, 4, 2)]],
  ["max", (x) => A.max(x, { axis: [0, 2], keepDims: true }), [normal(3, 4, 2)]],
  ["matmul", (a, b) => A.matmul(a, b), [normal(2, 3, 4), normal(4, 5)]],
  ["matmul", (a, b) => A.matmul(a, b, { transposeA: true }), [normal(2, 4, 3), normal(2, 4, 5)]],
  ["matmul", (a, b) => A.matmul(a, b, { transposeB: true }), [normal(2, 1, 3, 4), normal(3, 5, 4)]],
  ["matmul", (a, b) => A.matmul(a, b, { transposeB: true }), [normal(2, 3, 4), normal(5, 4)]],
  ["matmul", (a, b) => A.matmul(a, b, { transposeA: true, transposeB: true }), [normal(4, 3), normal(5, 4)]],
  ["linear", (x, k, b) => A.linear(x, k, b), [normal(2, 3, 4), normal(4, 5), normal(5)]],
  ["linear", (x, k) => A.linear(x, k), [normal(3, 4), normal(4, 5)]],
  ["linear", (x, k, b, p) => A.linear(x, k, b, p), [normal(2, 3, 4), normal(4, 5), normal(5), normal(2, 3, 5)]],
  ["mlp", (x, k, b, l, c) => A.mlp(x, k, b, l, c), [normal(2, 3, 4), normal(4, 5), normal(5), normal(5, 2), normal(2)]],
  ["mlp", (x, k, b, l, c, p) => A.mlp(x, k, b, l, c, "tanh", p), [normal(2, 3, 4), normal(4, 5), normal(5), normal(5, 2), normal(2), normal(2, 3, 2)]], // biome-ignore format: a row
  ["mlp", (x, k, b, l, c) => A.mlp(x, k, b, l, c, "erf"), [normal(3, 4), normal(4, 5), normal(5), normal(5, 2), normal(2)]], // biome-ignore format: a row
  ["reshape", (x) => A.reshape(x, [4, -1]), [normal(3, 4)]],
  ["permute", (x) => A.permute(x, [2, 0, 1]), [normal(3, 4, 2)]],
  ["transpose", (x) => A.transpose(x), [normal(2, 3, 4)]],
  ["broadcastTo", (x) => A.broadcastTo(x, [2, 3, 4]), [normal(3, 1)]],
  ["slice", (x) => A.slice(x, 1, 1, 3), [normal(2, 4, 3)]],
  ["slice", (x) => A.slice(x, 0, 1, 2), [normal(2, 4)]],
  ["concat", (a, b) => A.concat([a, b], -1), [normal(2, 3), normal(2, 1)]],
  ["gather", (x) => A.gather(x, ids, [2, 2]), [normal(5, 3)]],
  ["softmax", (x) => A.softmax(x), [normal(3, 5)]],
  ["logSumExp", (x) => A.logSumExp(x), [normal(3, 5)]],
  ["layerNorm", (x, s, b) => A.layerNorm(x, s, b), [normal(3, 6), normal(6), normal(6)]],
  ["l2Normalize", (x) => A.l2Normalize(x), [normal(3, 6)]],
  ["l2Normalize", (x) => A.l2Normalize(x, 0.3), [normal(3, 6)]],
  ["selfAttention", (x) => A.selfAttention(x, 2), [normal(2, 3, 12)]],
  ["crossAttention", (q, kv) => A.crossAttention(q, kv, 2), [normal(2, 1, 4), normal(2, 5, 8)]],
];

function weighed(y: A.Variable): A.Variable {
  const own = new Rng(2).split("weights");
  return A.sum(
    A.mul(
      y,
      generate(y.shape as Shape, () => own.normal(), "f64"),
    ),
  );
}

describe("gradients equal central differences in f64", () => {
  it.each(rows.map((row, i) => [`${row[0]} (${i})`, row] as const))("%s", (_, [, f, inputs]) => {
    const { error, worst } = A.gradcheck((...xs) => weighed(f(...xs)), inputs);
    expect(error, worst).toBeLessThan(1e-8);
  });

  it("every differentiable operation has a row above", () => {
    const ops = Object.values(A).flatMap((value) =>
      typeof value === "function" && "opName" in value ? [value.opName] : [],
    );
    expect(ops.length).toBeGreaterThan(25);
    expect(ops.filter((name) => !rows.some(([row]) => row === name))).toEqual([]);
  });
});

describe("gradcheck itself", () => {
  const wrong = (name: string, derivative: (g: Tensor, x: Tensor) => Tensor) =>
    A.op(name, (x: Tensor) => ({ value: T.square(x), vjps: [(g) => derivative(g, x)] }));
  const check = (f: (x: A.Variable) => A.Variable, x: Tensor = positive(4)) => A.gradcheck((v) => A.sum(f(v)), [x]);
  const square = (g: Tensor, x: Tensor): Tensor => T.mul(T.mul(g, x), 2);

  it("accepts the right derivative and finds one that is a factor, a sign or one element off", () => {
    expect(check(wrong("right", square)).error).toBeLessThan(1e-8);
    expect(check(wrong("factor", (g, x) => T.mul(square(g, x), 1.001))).error).toBeGreaterThan(1e-4);
    expect(check(wrong("sign", (g, x) => T.neg(square(g, x)))).error).toBeGreaterThan(0.5);
    expect(check(wrong("nothing", (g) => T.mul(g, 0))).error).toBeGreaterThan(0.5);
    const one = wrong("one element", (g, x) => {
      const dx = square(g, x);
      dx.data[2] += 0.01;
      return dx;
    });
    expect(check(one).worst).toMatch(/^input 0, element 2: analytic \d\.\d+, numeric \d\.\d+$/);
  });

  it("finds a derivative that is NaN, wherever it is", () => {
    for (const at of [0, 1, 3]) {
      const broken = wrong("broken", (g, x) => {
        const dx = square(g, x);
        dx.data[at] = Number.NaN;
        return dx;
      });
      const { error, worst } = check(broken);
      expect(error).toBe(Number.POSITIVE_INFINITY);
      expect(worst).toContain(`element ${at}: analytic NaN`);
    }
  });

  it("leaves its inputs unchanged and reports no difference where there can be none", () => {
    const x = positive(4);
    const before = x.toArray();
    check((v) => A.square(v), x);
    expect(x.toArray()).toEqual(before);
    expect(A.gradcheck(() => A.sum(A.parameter(positive(1))), []).worst).toBe("no difference");
  });

  it("treats the gradient of an unused parameter as 0", () => {
    const { error } = A.gradcheck((x) => A.sum(A.square(x)), [positive(2), positive(3)]);
    expect(error).toBeLessThan(1e-8);
  });

  it("rejects f32, which cannot resolve the differences", () => {
    expect(() => A.gradcheck((x) => A.sum(x), [T.zeros([2])])).toThrow(
      new T.ShapeError("gradcheck: inputs must be f64; f32 cannot resolve the differences"),
    );
  });
});
