/**
 * Forward pass of the image tower of SigLIP B/16 in onnxruntime-node: the same weights, pixels and work as ../vitB16.ts and vit-b16.py.
 * The graph is written by hand, with the fused operators that the CPU has: LayerNormalization, Gelu, MultiHeadAttention.
 *
 *   vit-b16-onnx.mjs [runs] [batch] [threads]      prints {"embedding", "seconds"}: sum|z| and the best run
 */
import { InferenceSession, Tensor } from "onnxruntime-node";

const [runs = 5, batch = 8, threads = 1] = process.argv.slice(1).map(Number);
const [SIDE, PATCH, D, DEPTH, M, HEADS] = [224, 16, 768, 12, 3072, 12];
const S = SIDE / PATCH;
const N = S * S;

/** The finaliser of MurmurHash3 on 0, 1, 2, ..., as numbers in -1/2..1/2, times a scale. */
let count = 0;
function hashed(size, scale) {
  return Float32Array.from({ length: size }, () => {
    let h = count++;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5) * scale;
  });
}

// Protocol buffers: a message is a list of fields, each a number, text, bytes or message.
const varint = (x) => (x < 128 ? [x] : [(x % 128) | 128, ...varint(Math.floor(x / 128))]);
function field(id, value) {
  if (typeof value === "number") return Buffer.from([...varint(id * 8), ...varint(value)]);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([Buffer.from([...varint(id * 8 + 2), ...varint(bytes.length)]), bytes]);
}
const message = (...fields) => Buffer.concat(fields);
const float = (id, x) => Buffer.concat([Buffer.from(varint(id * 8 + 5)), Buffer.from(Float32Array.of(x).buffer)]);

const nodes = [];
const initializers = [];
const [FLOAT, INT64] = [1, 7];

function constant(data, dims) {
  const name = `c${initializers.length}`;
  const type = data instanceof Float32Array ? FLOAT : INT64;
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  initializers.push(message(...dims.map((dim) => field(1, dim)), field(2, type), field(8, name), field(9, raw)));
  return name;
}
const shape = (...dims) => constant(BigInt64Array.from(dims, BigInt), [dims.length]);

/** Adds a node; returns its outputs, or the only one. Attributes: integers, lists of them, texts; numbers with a fraction are floats. */
function node(op, inputs, attributes = {}, { outputs = 1, domain = "" } = {}) {
  const names = Array.from({ length: outputs }, (_, i) => `n${nodes.length}_${i}`);
  const fields = Object.entries(attributes).map(([name, value]) => {
    const [INT, STRING, INTS, REAL] = [2, 3, 7, 1];
    const parts = Array.isArray(value)
      ? [...value.map((each) => field(8, each)), field(20, INTS)]
      : typeof value === "string"
        ? [field(4, value), field(20, STRING)]
        : Number.isInteger(value)
          ? [field(3, value), field(20, INT)]
          : [float(2, value), field(20, REAL)];
    return field(5, message(field(1, name), ...parts));
  });
  nodes.push(
    message(
      ...inputs.map((each) => field(1, each)),
      ...names.map((each) => field(2, each)),
      field(4, op),
      ...fields,
      field(7, domain),
    ),
  );
  return outputs === 1 ? names[0] : names;
}

const kernel = (inputs, outputs) => ({
  kernel: constant(hashed(inputs * outputs, Math.sqrt(12 / inputs)), [inputs, outputs]),
  bias: constant(new Float32Array(outputs), [outputs]),
});
const linear = (x, layer) => node("Add", [node("MatMul", [x, layer.kernel]), layer.bias]);
const ones = constant(new Float32Array(D).fill(1), [D]);
const zeros = constant(new Float32Array(D), [D]);
const norm = (x) => node("LayerNormalization", [x, ones, zeros], { axis: 2, epsilon: 1e-6 });
const mlp = (x, dense1, dense2) => linear(node("Gelu", [linear(x, dense1)], { approximate: "tanh" }), dense2);
const attention = (q, k, v) => node("MultiHeadAttention", [q, k, v], { num_heads: HEADS }, { domain: "com.microsoft" });
const split = (x, parts) => node("Split", [x], { axis: 2, num_outputs: parts }, { outputs: parts });

// In the order in which the tower has its parameters.
const embed = kernel(PATCH * PATCH * 3, D);
const positions = constant(hashed(N * D, Math.sqrt(12 / N)), [1, N, D]);
const blocks = Array.from({ length: DEPTH }, () => [kernel(D, 3 * D), kernel(D, D), kernel(D, M), kernel(M, D)]);
const probe = constant(hashed(D, Math.sqrt(12)), [1, 1, D]);
const [query, keyValue, poolOut, pool1, pool2] = [
  kernel(D, D),
  kernel(D, 2 * D),
  kernel(D, D),
  kernel(D, M),
  kernel(M, D),
];
const images = hashed(batch * SIDE * SIDE * 3, 2);

const cut = node("Reshape", ["images", shape(batch, S, PATCH, S, PATCH, 3)]);
const patches = node("Reshape", [
  node("Transpose", [cut], { perm: [0, 1, 3, 2, 4, 5] }),
  shape(batch, N, PATCH * PATCH * 3),
]);
let x = node("Add", [linear(patches, embed), positions]);
for (const [qkv, out, dense1, dense2] of blocks) {
  x = node("Add", [x, linear(attention(...split(linear(norm(x), qkv), 3)), out)]);
  x = node("Add", [x, mlp(norm(x), dense1, dense2)]);
}
const [k, v] = split(linear(norm(x), keyValue), 2);
const q = node("Expand", [linear(probe, query), shape(batch, 1, D)]);
const pooled = linear(attention(q, k, v), poolOut);
const z = node("Add", [pooled, mlp(norm(pooled), pool1, pool2)]);

const valueInfo = (name, dims) =>
  message(
    field(1, name),
    field(2, field(1, message(field(1, FLOAT), field(2, message(...dims.map((dim) => field(1, field(1, dim)))))))),
  );
const opset = (domain, version) => field(8, message(field(1, domain), field(2, version)));
const graph = message(
  ...nodes.map((each) => field(1, each)),
  field(2, "vit"),
  ...initializers.map((each) => field(5, each)),
  field(11, valueInfo("images", [batch, SIDE, SIDE, 3])),
  field(12, valueInfo(z, [batch, 1, D])),
);
const model = message(field(1, 9), opset("", 20), opset("com.microsoft", 1), field(7, graph));

const session = await InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
const input = { images: new Tensor("float32", images, [batch, SIDE, SIDE, 3]) };
let [seconds, embedding] = [Number.POSITIVE_INFINITY, 0];
for (let run = 0; run <= runs; run++) {
  const start = performance.now();
  const output = await session.run(input);
  if (run > 0) seconds = Math.min(seconds, (performance.now() - start) / 1e3);
  embedding = output[z].data.reduce((sum, each) => sum + Math.abs(each), 0);
}
console.log(JSON.stringify({ embedding, seconds }));
