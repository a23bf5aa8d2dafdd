/**
 * The training step of ../vit.ts in jax-js: the same model, data and loss, forward and backward, on its WebAssembly backend,
 * traced and compiled (`jit(valueAndGrad(...))`). Needs @jax-js/jax.
 *
 *     node vit-jax.mjs [steps]      prints {"loss", "gradient", "seconds"}: the best step after the first, which compiles
 */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";

await init("wasm");
defaultDevice("wasm");
const steps = Number(process.argv.at(-1)) || 5;
const [B, T, P, D, H, M, DEPTH] = [64, 64, 48, 192, 3, 768, 4];

let seed = 1;
const next = () => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return seed / 0x7fffffff - 0.5;
};
const random = (shape, scale = 1) =>
  np.array(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * scale),
    { shape },
  );
const ones = (n) => np.array(new Float32Array(n).fill(1));
const zeros = (n) => np.array(new Float32Array(n));

const parameters = {
  patchWeight: random([P, D], 0.2),
  patchBias: zeros(D),
  positions: random([T, D], 0.1),
  scale: ones(D),
  bias: zeros(D),
  tPrime: np.array(Math.log(10)),
  b: np.array(-10),
  blocks: Array.from({ length: DEPTH }, () => ({
    g1: ones(D),
    b1: zeros(D),
    wqkv: random([D, 3 * D], 0.1),
    bqkv: zeros(3 * D),
    wo: random([D, D], 0.1),
    bo: zeros(D),
    g2: ones(D),
    b2: zeros(D),
    w1: random([D, M], 0.1),
    c1: zeros(M),
    w2: random([M, D], 0.1),
    c2: zeros(D),
  })),
};
const pictures = random([B, T, P], 2);
const texts = random([B, D]);
const ztxt = texts.ref.div(np.sqrt(np.sum(np.square(texts), 1, { keepdims: true })));
const labels = np.eye(B).mul(2).sub(1);
await blockUntilReady([pictures, ztxt, labels]);

const layerNorm = (x, scale, bias) => {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-6)))
    .mul(scale)
    .add(bias);
};
const linear = (x, weight, bias) => np.matmul(x, weight).add(bias);
const gelu = (x) => {
  const u = x.ref.add(np.square(x.ref).mul(x.ref).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(np.tanh(u).add(1));
};
const block = (x, p) => {
  const qkv = linear(layerNorm(x.ref, p.g1, p.b1), p.wqkv, p.bqkv);
  const [q, k, v] = np.split(qkv, 3, -1).map((part) => part.reshape([B, T, H, D / H]).transpose([0, 2, 1, 3]));
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(D / H));
  const attended = np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]).reshape([B, T, D]);
  const y = x.add(linear(attended, p.wo, p.bo));
  return y.ref.add(linear(gelu(linear(layerNorm(y, p.g2, p.b2), p.w1, p.c1)), p.w2, p.c2));
};
const loss = (p, x, z, wanted) => {
  let h = linear(x, p.patchWeight, p.patchBias).add(p.positions);
  for (const each of p.blocks) h = block(h, each);
  const mean = np.mean(layerNorm(h, p.scale, p.bias), 1);
  const zimg = mean.ref.div(np.sqrt(np.sum(np.square(mean), 1, { keepdims: true })));
  const logits = np.matmul(zimg, z.transpose()).mul(np.exp(p.tPrime)).add(p.b);
  return nn
    .logSigmoid(logits.mul(wanted))
    .sum()
    .mul(-1 / B);
};

const step = jit(valueAndGrad(loss));
const seen = { seconds: Number.POSITIVE_INFINITY };
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  const [value, gradients] = step(tree.ref(parameters), pictures.ref, ztxt.ref, labels.ref);
  await blockUntilReady([value, gradients]);
  if (i > 0) seen.seconds = Math.min(seen.seconds, (performance.now() - start) / 1e3);
  seen.loss = value.ref.js();
  seen.gradient = np.sum(np.abs(gradients.patchWeight.ref)).js();
  value.dispose();
  tree.dispose(gradients);
}
console.log(JSON.stringify(seen));
process.exit(0); // its workers would keep the process
