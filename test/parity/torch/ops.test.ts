/**
 * Operations and layers against PyTorch: the value and every gradient of Σ value · cotangent.
 *
 * Each row builds the value from named inputs in PyTorch's layout; weights [out, in] are transposed on the way, so their
 * gradients come back in PyTorch's layout too.
 */
import { describe, expect, it } from "vitest";
import * as A from "../../../src/autograd/index.ts";
import { EncoderBlock, type Linear, MapHead, Mlp, PatchEmbed, patchify } from "../../../src/nn/index.ts";
import { type DType, Rng, type Tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, type Golden } from "../../support/goldens.ts";
import { type TorchCase, torchCases } from "./cases.ts";

/** The leaf with the numbers of `in.<name>` or `param.<name>`. */
type Inputs = (name: string) => A.Variable;
type Build = (input: Inputs, at: TorchCase, dtype: DType) => A.Variable;

const rng = new Rng(1);
const join = (...parts: A.Variable[]): A.Variable => A.concat(parts, -1);
/** Gives a layer PyTorch's weight [out, in] and bias. */
const set = (linear: Linear, weight: A.Variable, bias: A.Variable): void => {
  Object.assign(linear, { kernel: A.transpose(weight), bias });
};
/** Rows from..to of a weight [3W, W] or a bias [3W] that holds queries, keys and values. */
const third = (x: A.Variable, from: number, to: number): A.Variable => {
  const width = x.shape[0] / 3;
  return A.slice(x, 0, from * width, to * width);
};

const attention: Build = (input, at) => {
  const w = (name: string) => A.transpose(input(`${name}_weight`));
  const heads = at.settings.config.H;
  const out = (y: A.Variable) => A.linear(y, w("o"), input("o_bias"));
  if (!at.has("in.kv")) {
    const qkv = A.linear(
      input("x"),
      join(w("q"), w("k"), w("v")),
      join(input("q_bias"), input("k_bias"), input("v_bias")),
    );
    return out(A.selfAttention(qkv, heads));
  }
  const q = A.linear(input("x"), w("q"), input("q_bias"));
  const kv = A.linear(input("kv"), join(w("k"), w("v")), join(input("k_bias"), input("v_bias")));
  return out(A.crossAttention(q, kv, heads));
};

const linear: Build = (input, at) =>
  A.linear(input("x"), A.transpose(input("weight")), at.has("param.bias") ? input("bias") : undefined);
const layerNorm =
  (eps?: number): Build =>
  (input) =>
    A.layerNorm(input("x"), input("weight"), input("bias"), eps);
const matmul =
  (transposeA: boolean, transposeB: boolean): Build =>
  (input) =>
    A.matmul(input("a"), input("b"), { transposeA, transposeB });
const plain = matmul(false, false);
const l2Normalize =
  (eps: number): Build =>
  (input) =>
    A.l2Normalize(input("x"), eps);

const geluOf = (at: TorchCase): A.GeluForm => (at.name.endsWith("_erf") ? "erf" : "tanh");

const mlp: Build = (input, at, dtype) => {
  const { W, M } = at.settings.config;
  const module = new Mlp(rng, { width: W, mlpDim: M, gelu: geluOf(at) }, dtype);
  set(module.dense1, input("fc1_weight"), input("fc1_bias"));
  set(module.dense2, input("fc2_weight"), input("fc2_bias"));
  return module.forward(input("x"));
};

const block: Build = (input, at, dtype) => {
  const { W, H, M } = at.settings.config;
  const module = new EncoderBlock(rng, { width: W, depth: 1, mlpDim: M, numHeads: H, gelu: geluOf(at) }, dtype);
  Object.assign(module.norm1, { scale: input("norm1.weight"), bias: input("norm1.bias") });
  Object.assign(module.norm2, { scale: input("norm2.weight"), bias: input("norm2.bias") });
  set(module.attention.qkv, input("self_attn.in_proj_weight"), input("self_attn.in_proj_bias"));
  set(module.attention.out, input("self_attn.out_proj.weight"), input("self_attn.out_proj.bias"));
  set(module.mlp.dense1, input("linear1.weight"), input("linear1.bias"));
  set(module.mlp.dense2, input("linear2.weight"), input("linear2.bias"));
  return module.forward(input("x"));
};

const mapHead: Build = (input, at, dtype) => {
  const { W, H, M } = at.settings.config;
  const module = new MapHead(rng, { width: W, mlpDim: M, numHeads: H, gelu: geluOf(at) }, dtype);
  const [weight, bias] = [input("attention.in_proj_weight"), input("attention.in_proj_bias")];
  set(module.query, third(weight, 0, 1), third(bias, 0, 1));
  set(module.keyValue, third(weight, 1, 3), third(bias, 1, 3));
  set(module.out, input("attention.out_proj.weight"), input("attention.out_proj.bias"));
  set(module.mlp.dense1, input("fc1.weight"), input("fc1.bias"));
  set(module.mlp.dense2, input("fc2.weight"), input("fc2.bias"));
  Object.assign(module.norm, { scale: input("layernorm.weight"), bias: input("layernorm.bias") });
  Object.assign(module, { probe: input("probe") });
  return module.forward(input("x"));
};

/** Pixels are data here, so there is no gradient for them; the convolution kernel [out, C, P, P] becomes ours [P·P·C, out]. */
const patchEmbed: Build = (input, at, dtype) => {
  const { p, D, C, H, W } = at.settings.config;
  const kernel = A.reshape(A.permute(input("weight"), [2, 3, 1, 0]), [p * p * C, D]);
  const module = new PatchEmbed(rng, p, C, D, dtype);
  Object.assign(module.embed, { kernel, bias: input("bias") });
  const pixels = at.tensor("alt.x_nhwc", dtype);
  const tokens = module.forward(pixels);
  expect(tokens.shape[1]).toBe(patchify(pixels, p).shape[1]);
  return A.reshape(A.permute(tokens, [0, 2, 1]), [pixels.shape[0], D, Math.floor(H / p), Math.floor(W / p)]);
};

const OFFERED: Record<string, Build> = {
  add_broadcast: (input) => A.add(input("a"), input("b")),
  sub_broadcast: (input) => A.sub(input("a"), input("b")),
  mul_broadcast: (input) => A.mul(input("a"), input("b")),
  div_broadcast: (input) => A.div(input("a"), input("b")),
  sum_all: (input) => A.sum(input("x")),
  "sum_axis-1": (input) => A.sum(input("x"), { axis: -1 }),
  sum_axis0: (input) => A.sum(input("x"), { axis: 0 }),
  sum_axis1: (input) => A.sum(input("x"), { axis: 1 }),
  mean_all: (input) => A.mean(input("x")),
  "mean_axis-1": (input) => A.mean(input("x"), { axis: -1 }),
  mean_axis0: (input) => A.mean(input("x"), { axis: 0 }),
  mean_axis1: (input) => A.mean(input("x"), { axis: 1 }),
  matmul_2d: plain,
  matmul_k1: plain,
  matmul_nn: plain,
  matmul_nt: matmul(false, true),
  matmul_tn: matmul(true, false),
  matmul_tt: matmul(true, true),
  matmul_broadcast_left: plain,
  matmul_broadcast_right: plain,
  matmul_broadcast_4d: plain,
  linear_2d: linear,
  linear_3d: linear,
  linear_no_bias: linear,
  embedding: (input, at) => A.gather(input("weight"), at.ints("in.ids"), at.get("in.ids").shape),
  softmax: (input) => A.softmax(input("x")),
  softmax_axis0: (input) => A.transpose(A.softmax(A.transpose(input("x")))),
  softmax_extreme: (input) => A.softmax(input("x")),
  logsumexp: (input) => A.logSumExp(input("x")),
  logsumexp_extreme: (input) => A.logSumExp(input("x")),
  layer_norm: layerNorm(),
  layer_norm_3d: layerNorm(),
  layer_norm_dim1: layerNorm(),
  "layer_norm_eps1e-5": layerNorm(1e-5),
  layer_norm_extreme: layerNorm(),
  // F.normalize divides by max(‖x‖, 1e-12): for these rows the plain length.
  l2_normalize: l2Normalize(0),
  l2_normalize_dim1: l2Normalize(0),
  l2_normalize_plain: l2Normalize(0),
  l2_normalize_scaled: l2Normalize(0),
  l2_normalize_big_vision: l2Normalize(1e-8),
  attention_self: attention,
  attention_cross: attention,
  attention_one_key: attention,
  attention_one_query: attention,
  mlp_tanh: mlp,
  mlp_erf: mlp,
  pre_ln_block_tanh: block,
  pre_ln_block_erf: block,
  map_head_tanh: mapHead,
  map_head_erf: mapHead,
  patchify_0: patchEmbed,
  patchify_1: patchEmbed,
  patchify_2: patchEmbed,
};

const NOT_OFFERED: Record<string, string> = {
  "^attention_self_(masked|causal)$": "the towers attend to all tokens, padding included",
  "^(log_softmax.*|cross_entropy)$": "no op: the softmax loss is written with logSumExp",
  "^posemb_": "positions are resampled in resamplePositions.test.ts",
};

/** Which golden gradients there are, but for pixels. */
const gradients = (at: TorchCase): string[] =>
  at.parts("grad.").filter((name) => !(at.name.startsWith("patchify") && name === "x"));

/** Rows of extreme size are judged one by one: a large row must not excuse a small one. */
function expectCloseByRow(actual: Tensor, golden: Golden, tolerances: readonly number[]): void {
  const cols = actual.shape[1];
  tolerances.forEach((tolerance, i) => {
    const row = { name: `${golden.name}, row ${i}`, shape: [cols], data: golden.data.slice(i * cols, (i + 1) * cols) };
    expectClose(actual.view([cols], i * cols), row, { tolerance });
  });
}

/** 2e-6 of a row in f32, or 8 times PyTorch's own error where that is larger; in f64 see below. */
function rowTolerances(at: TorchCase, part: string, dtype: DType): number[] | undefined {
  if (at.settings.tolerance_f32_by_row === undefined || part === "grad.weight" || part === "grad.bias")
    return undefined;
  const rows = at.get(part).shape[0];
  const measured = at.settings.measured_f32_vs_f64_by_row?.[part] ?? [];
  // Of a row with mean 1e4 and σ 0.1, x − mean keeps all digits but 1e4/0.1 of them: 3.7e-12 measured, 1e-14 elsewhere.
  if (dtype === "f64") return Array.from({ length: rows }, () => (at.name === "layer_norm_extreme" ? 1e-11 : 1e-12));
  return Array.from({ length: rows }, (_, i) =>
    at.name === "layer_norm_extreme" ? Math.max(2e-6, 8 * Number(measured[i])) : 2e-6,
  );
}

const cases = torchCases("ops");

describe.each(DTYPES)("in %s, value and gradients are those of PyTorch:", (dtype) => {
  it.each(cases.filter(({ name }) => name in OFFERED).map((at) => [at.name, at] as const))("%s", (name, at) => {
    const leaves = new Map<string, A.Variable>();
    const input: Inputs = (part) => {
      const found =
        leaves.get(part) ?? A.parameter(at.tensor(at.has(`in.${part}`) ? `in.${part}` : `param.${part}`, dtype));
      leaves.set(part, found);
      return found;
    };
    const y = OFFERED[name](input, at, dtype);
    const check = (part: string, actual: Tensor): void => {
      const rows = rowTolerances(at, part, dtype);
      if (rows) expectCloseByRow(actual, at.get(part), rows);
      else at.expectClose(part, actual, dtype);
    };
    check("out.y", y.value);
    A.backward(y, at.tensor("cot.y", dtype));
    expect([...leaves.keys()].sort()).toEqual(gradients(at).sort());
    for (const part of gradients(at)) check(`grad.${part}`, leaves.get(part)?.grad as Tensor);
  });
});

it("every case is offered, or left out for a reason", () => {
  const reasons = Object.keys(NOT_OFFERED).map((pattern) => new RegExp(pattern));
  const leftOut = cases.filter(({ name }) => reasons.some((reason) => reason.test(name))).map(({ name }) => name);
  expect([...Object.keys(OFFERED), ...leftOut].sort()).toEqual(cases.map(({ name }) => name).sort());
  for (const reason of reasons) expect(leftOut.filter((name) => reason.test(name)).length).toBeGreaterThan(0);
});
