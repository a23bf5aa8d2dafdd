/** Every operation whose derivative is written by hand, against the same function composed of simpler operations. */
import { describe, expect, it } from "vitest";
import * as A from "../../src/autograd/index.ts";
import { generate, Rng, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";

const rng = new Rng(3).split("formulas");
const normal = (...shape: number[]): Tensor => generate(shape, () => rng.normal(), "f64");

/** Σ w ⊙ f(x) with fixed random weights w, and its gradients. */
function run(f: (...xs: A.Variable[]) => A.Variable, inputs: readonly Tensor[]): Float64Array[] {
  const leaves = inputs.map(A.parameter);
  const y = f(...leaves);
  const weights = new Rng(4).split("weights");
  const loss = A.sum(
    A.mul(
      y,
      generate(y.shape as Shape, () => weights.normal(), "f64"),
    ),
  );
  const value = y.value.toArray() as Float64Array;
  A.backward(loss);
  return [value, ...leaves.map((leaf) => (leaf.grad as Tensor).toArray() as Float64Array)];
}

const rowMean = (x: A.Variable): A.Variable => A.mean(x, { axis: -1, keepDims: true });
const rowSum = (x: A.Variable): A.Variable => A.sum(x, { axis: -1, keepDims: true });
const GELU = 2 * Math.sqrt(2 / Math.PI);
const third = (qkv: A.Variable, i: number): A.Variable =>
  A.slice(qkv, 2, (i * qkv.shape[2]) / 3, ((i + 1) * qkv.shape[2]) / 3);

type Row = readonly [name: string, fused: (...xs: A.Variable[]) => A.Variable, composed: (...xs: A.Variable[]) => A.Variable, inputs: readonly Tensor[]]; // biome-ignore format: one line

const sigmoidOf = (x: A.Variable): A.Variable => A.div(1, A.add(1, A.exp(A.neg(x))));

const rows: readonly Row[] = [
  ["sigmoid = 1/(1 + exp(−x))", (x) => A.sigmoid(x), sigmoidOf, [normal(40)]],
  ["tanh = 2σ(2x) − 1", (x) => A.tanh(x), (x) => A.sub(A.mul(sigmoidOf(A.mul(x, 2)), 2), 1), [normal(40)]],
  ["logSigmoid = log σ(x)", (x) => A.logSigmoid(x), (x) => A.log(sigmoidOf(x)), [normal(40)]],
  ["softplus = log(1 + exp x)", (x) => A.softplus(x), (x) => A.log(A.add(1, A.exp(x))), [normal(40)]],
  ["gelu = x·σ(u)", (x) => A.gelu(x), (x) => A.mul(x, sigmoidOf(A.mul(A.add(x, A.mul(A.mul(A.square(x), x), 0.044715)), GELU))), [normal(40)]], // biome-ignore format: a row
  ["softmax = exp x / Σ exp x", (x) => A.softmax(x), (x) => A.div(A.exp(x), rowSum(A.exp(x))), [normal(4, 7)]],
  ["logSumExp = log Σ exp x", (x) => A.logSumExp(x), (x) => A.log(A.sum(A.exp(x), { axis: -1 })), [normal(4, 7)]],
  ["mlp = linear(gelu(linear))", (x, k, b, l, c) => A.mlp(x, k, b, l, c), (x, k, b, l, c) => A.linear(A.gelu(A.linear(x, k, b)), l, c), [normal(3, 4), normal(4, 5), normal(5), normal(5, 2), normal(2)]], // biome-ignore format: a row
  ["mlp of erf = linear(geluErf(linear))", (x, k, b, l, c) => A.mlp(x, k, b, l, c, "erf"), (x, k, b, l, c) => A.linear(A.geluErf(A.linear(x, k, b)), l, c), [normal(3, 4), normal(4, 5), normal(5), normal(5, 2), normal(2)]], // biome-ignore format: a row
  [
    "layerNorm = (x − mean)/√(var + eps)·scale + bias",
    (x, s, b) => A.layerNorm(x, s, b),
    (x, s, b) => {
      const centred = A.sub(x, rowMean(x));
      const deviation = A.sqrt(A.add(rowMean(A.square(centred)), 1e-6));
      return A.add(A.mul(A.div(centred, deviation), s), b);
    },
    [normal(4, 7), normal(7), normal(7)],
  ],
  [
    "l2Normalize = x/(‖x‖ + eps)",
    (x) => A.l2Normalize(x, 0.3),
    (x) => A.div(x, A.add(A.sqrt(rowSum(A.square(x))), 0.3)),
    [normal(4, 7)],
  ],
  [
    "selfAttention = composedAttention of the three parts",
    (qkv) => A.selfAttention(qkv, 3),
    (qkv) => A.composedAttention(third(qkv, 0), third(qkv, 1), third(qkv, 2), 3),
    [normal(2, 5, 3 * 12)],
  ],
  [
    "crossAttention = composedAttention of q, k and v",
    (q, kv) => A.crossAttention(q, kv, 2),
    (q, kv) => A.composedAttention(q, A.slice(kv, 2, 0, 8), A.slice(kv, 2, 8, 16), 2),
    [normal(2, 3, 8), normal(2, 5, 16)],
  ],
];

describe("an operation with a hand-written derivative equals its formula, value and gradients", () => {
  it.each(rows)("%s", (_, fused, composed, inputs) => {
    const [got, expected] = [run(fused, inputs), run(composed, inputs)];
    got.forEach((values, which) => {
      const size = Math.max(1, ...expected[which].map(Math.abs));
      const error = Math.max(...values.map((value, i) => Math.abs(value - expected[which][i])));
      expect(error).toBeLessThan(1e-12 * size); // f64, a few dozen operations
    });
  });
});

it("equal maxima share the gradient of max", () => {
  const x = A.parameter(tensor([3, 1, 3, 2, 2, 2], [2, 3], "f64"));
  A.backward(A.sum(A.mul(A.max(x, { axis: 1 }), tensor([6, 9], [2], "f64"))));
  expect(Array.from(x.grad!.data)).toEqual([3, 0, 3, 3, 3, 3]);
});
