/**
 * The training step of ../vit.ts in TensorFlow.js: the same model, data and loss, forward and backward, on its WebAssembly
 * backend. Needs @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm.
 *
 *     node vit-tfjs.mjs [steps]      prints {"loss", "gradient", "seconds"}: the best step after the first
 */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")) + sep);
await tf.setBackend("wasm");
await tf.ready();
const steps = Number(process.argv.at(-1)) || 2;
const [B, T, P, D, H, M, DEPTH] = [64, 64, 48, 192, 3, 768, 4];

let seed = 1;
const next = () => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return seed / 0x7fffffff - 0.5;
};
const random = (shape, scale = 1) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * scale),
    shape,
  );
const drawn = (shape, scale) => tf.variable(random(shape, scale));
const ones = (n) => tf.variable(tf.ones([n]));
const zeros = (n) => tf.variable(tf.zeros([n]));

const patchWeight = drawn([P, D], 0.2);
const patchBias = zeros(D);
const positions = drawn([T, D], 0.1);
const [scale, bias] = [ones(D), zeros(D)];
const tPrime = tf.variable(tf.scalar(Math.log(10)));
const b = tf.variable(tf.scalar(-10));
const blocks = Array.from({ length: DEPTH }, () => ({
  g1: ones(D),
  b1: zeros(D),
  wqkv: drawn([D, 3 * D], 0.1),
  bqkv: zeros(3 * D),
  wo: drawn([D, D], 0.1),
  bo: zeros(D),
  g2: ones(D),
  b2: zeros(D),
  w1: drawn([D, M], 0.1),
  c1: zeros(M),
  w2: drawn([M, D], 0.1),
  c2: zeros(D),
}));
const pictures = random([B, T, P], 2);
const ztxt = tf.tidy(() => {
  const texts = random([B, D]);
  return texts.div(tf.norm(texts, 2, 1, true));
});
const labels = tf.tidy(() => tf.eye(B).mul(2).sub(1));

const layerNorm = (x, g, shift) => {
  const centred = x.sub(x.mean(-1, true));
  return centred.mul(centred.square().mean(-1, true).add(1e-6).rsqrt()).mul(g).add(shift);
};
const linear = (x, weight, shift) => {
  const rows = x.reshape([-1, x.shape.at(-1)]);
  return rows
    .matMul(weight)
    .add(shift)
    .reshape([...x.shape.slice(0, -1), weight.shape[1]]);
};
const gelu = (x) => {
  const u = x.add(x.square().mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(tf.tanh(u).add(1));
};
const block = (x, p) => {
  const qkv = linear(layerNorm(x, p.g1, p.b1), p.wqkv, p.bqkv)
    .reshape([B, T, 3, H, D / H])
    .transpose([2, 0, 3, 1, 4]);
  const [q, k, v] = tf.split(qkv, 3, 0).map((part) => part.reshape([B * H, T, D / H]));
  const weights = tf.softmax(tf.matMul(q, k, false, true).mul(1 / Math.sqrt(D / H)), -1);
  const attended = tf
    .matMul(weights, v)
    .reshape([B, H, T, D / H])
    .transpose([0, 2, 1, 3])
    .reshape([B, T, D]);
  const y = x.add(linear(attended, p.wo, p.bo));
  return y.add(linear(gelu(linear(layerNorm(y, p.g2, p.b2), p.w1, p.c1)), p.w2, p.c2));
};
const loss = () => {
  let h = linear(pictures, patchWeight, patchBias).add(positions);
  for (const p of blocks) h = block(h, p);
  const mean = layerNorm(h, scale, bias).mean(1);
  const zimg = mean.div(mean.square().sum(1, true).sqrt());
  const logits = tf.matMul(zimg, ztxt, false, true).mul(tPrime.exp()).add(b).mul(labels);
  return tf
    .relu(logits.neg())
    .add(tf.log(tf.exp(tf.abs(logits).neg()).add(1)))
    .sum()
    .div(B); // −log σ
};

const variables = [patchWeight, patchBias, positions, scale, bias, tPrime, b, ...blocks.flatMap(Object.values)];
const seen = { seconds: Number.POSITIVE_INFINITY };
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  const { value, grads } = tf.variableGrads(loss, variables);
  seen.loss = value.dataSync()[0];
  seen.gradient = grads[patchWeight.name].abs().sum().dataSync()[0];
  if (i > 0) seen.seconds = Math.min(seen.seconds, (performance.now() - start) / 1e3);
  tf.dispose([value, ...Object.values(grads)]);
}
console.log(JSON.stringify(seen));
