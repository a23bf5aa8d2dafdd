import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attention, attentionGrad, concat, ShapeError, slice, type Tensor, zeros } from "../../src/tensor/index.ts";
import { gamma, U32, U64 } from "../support/bounds.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { orderOf, reorder } from "../support/generators.ts";
import { normals } from "../support/tensors.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  queries: fc.integer({ min: 1, max: 9 }),
  keys: fc.integer({ min: 1, max: 9 }),
  headDim: fc.constantFrom(1, 2, 3, 4, 5, 8, 16, 17),
  seed: fc.nat(),
});

/** softmax(q·kᵀ/√K)·v by hand, and the error allowed. */
function byHand(q: Tensor, kv: Tensor, heads: number, u: number) {
  const [batch, queries, width] = q.shape;
  const keys = kv.shape[1];
  const K = width / heads;
  const out = new Float64Array(batch * queries * width);
  const bound = new Float64Array(out.length);
  for (let i = 0; i < batch; i++) {
    for (let h = 0; h < heads; h++) {
      for (let m = 0; m < queries; m++) {
        const scores = new Float64Array(keys);
        let error = 0;
        for (let n = 0; n < keys; n++) {
          let size = 0;
          for (let c = 0; c < K; c++) {
            const term =
              q.data[(i * queries + m) * width + h * K + c] * kv.data[(i * keys + n) * 2 * width + h * K + c];
            scores[n] += term / Math.sqrt(K);
            size += Math.abs(term) / Math.sqrt(K);
          }
          error = Math.max(error, (gamma(K, u) + 8 * u) * size + 8 * u * Math.abs(scores[n]));
        }
        const top = Math.max(...scores);
        const shares = scores.map((s) => Math.exp(s - top));
        const total = shares.reduce((a, b) => a + b, 0);
        for (let n = 0; n < keys; n++) {
          for (let c = 0; c < K; c++) {
            const at = (i * queries + m) * width + h * K + c;
            const term = (shares[n] / total) * kv.data[(i * keys + n) * 2 * width + width + h * K + c];
            out[at] += term;
            bound[at] += Math.abs(term) * (Math.expm1(4 * error) + gamma(keys, u) + 40 * u);
          }
        }
      }
    }
  }
  return { out, bound };
}

describe.each(DTYPES)("attention in %s", (dtype, u) => {
  it("equals softmax(q·kᵀ/√K)·v, head by head", () => {
    fc.assert(
      fc.property(sizes, ({ batch, heads, queries, keys, headDim, seed }) => {
        const width = heads * headDim;
        const [q, kv] = [
          normals(seed, [batch, queries, width], dtype),
          normals(seed + 1, [batch, keys, 2 * width], dtype),
        ];
        const { out, bound } = byHand(q, kv, heads, u);
        const { value, probs } = attention(q, kv, heads);
        expect(value.shape).toEqual([batch, queries, width]);
        expect(probs.shape).toEqual([batch, heads, queries, keys]);
        expectWithin(value.toArray(), out, bound);
      }),
      { numRuns: 60 },
    );
  });

  it("packed into one projection equals separate q, k and v, bit for bit, forward and backward", () => {
    fc.assert(
      fc.property(sizes, ({ batch, heads, queries, headDim, seed }) => {
        const width = heads * headDim;
        const qkv = normals(seed, [batch, queries, 3 * width], dtype);
        const [q, kv] = [slice(qkv, 2, 0, width), slice(qkv, 2, width, 3 * width)];
        const [packed, apart] = [attention(qkv, undefined, heads), attention(q, kv, heads)];
        expectSameBits(packed.value.toArray(), apart.value.toArray());
        const g = normals(seed + 2, [batch, queries, width], dtype);
        const { dq, dkv } = attentionGrad(q, kv, heads, apart, g);
        const together = attentionGrad(qkv, undefined, heads, packed, g).dq;
        expectSameBits(together.toArray(), concat([dq, dkv as Tensor], 2).toArray());
      }),
      { numRuns: 40 },
    );
  });

  it("does not depend on the order of keys and values, and its gradients are reordered with them", () => {
    fc.assert(
      fc.property(sizes, ({ heads, queries, keys, headDim, seed }) => {
        const width = heads * headDim;
        const [q, kv] = [normals(seed, [1, queries, width], dtype), normals(seed + 1, [1, keys, 2 * width], dtype)];
        const order = orderOf(keys, seed);
        const moved = normals(0, kv.shape, dtype);
        moved.data.set(reorder(kv.data, order, 2 * width));
        const [before, after] = [attention(q, kv, heads), attention(q, moved, heads)];
        const { bound } = byHand(q, kv, heads, u);
        expectWithin(
          after.value.toArray(),
          before.value.toArray(),
          bound.map((b) => 2 * b),
        );
        const g = normals(seed + 2, q.shape, dtype);
        const [one, two] = [attentionGrad(q, kv, heads, before, g), attentionGrad(q, moved, heads, after, g)];
        const size = (x: Tensor) => Math.max(...Array.from(x.data, Math.abs));
        const dkv = one.dkv as Tensor;
        expectWithin(
          (two.dkv as Tensor).toArray(),
          reorder(dkv.data, order, 2 * width),
          1e4 * u * (1 + size(dkv)),
          "dkv",
        );
        expectWithin(two.dq.toArray(), one.dq.toArray(), 1e4 * u * (1 + size(one.dq)), "dq");
      }),
      { numRuns: 40 },
    );
  });

  it("keeps heads and entries of the batch independent, bit for bit, NaN included", () => {
    fc.assert(
      fc.property(
        sizes,
        fc.nat(),
        fc.nat(),
        ({ batch, heads, queries, keys, headDim, seed }, whichEntry, whichHead) => {
          const width = heads * headDim;
          const [q, kv] = [
            normals(seed, [batch, queries, width], dtype),
            normals(seed + 1, [batch, keys, 2 * width], dtype),
          ];
          const g = normals(seed + 2, q.shape, dtype);
          const run = () => {
            const result = attention(q, kv, heads);
            const { dq, dkv } = attentionGrad(q, kv, heads, result, g);
            return [result.value.toArray(), dq.toArray(), (dkv as Tensor).toArray()];
          };
          const [entry, head] = [whichEntry % batch, whichHead % heads];
          const before = run();
          for (let n = 0; n < keys; n++) {
            const at = (entry * keys + n) * 2 * width + head * headDim;
            kv.data.fill(Number.NaN, at, at + headDim);
          }
          const after = run();
          const rows = [queries, queries, keys];
          const cols = [width, width, 2 * width];
          after.forEach((values, which) => {
            values.forEach((value, flat) => {
              const inEntry = Math.floor(flat / (rows[which] * cols[which])) === entry;
              const inHead = Math.floor(((flat % cols[which]) % width) / headDim) === head;
              if (inEntry && inHead) return;
              if (!Object.is(value, before[which][flat]))
                expect.fail(`${["value", "dq", "dkv"][which]}[${flat}] changed`);
            });
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("over one key gives its value, over equal keys the mean of theirs", () => {
    const one = attention(normals(1, [2, 3, 4], dtype), normals(2, [2, 1, 8], dtype), 2).value;
    const values = slice(normals(2, [2, 1, 8], dtype), 2, 4, 8).toArray();
    for (let m = 0; m < 3; m++) expectSameBits(one.toArray().slice(m * 4, m * 4 + 4), values.slice(0, 4), `query ${m}`);
    const kv = normals(3, [1, 4, 2], dtype);
    for (let n = 0; n < 4; n++) kv.data[2 * n] = 0.5;
    const mean = (kv.data[1] + kv.data[3] + kv.data[5] + kv.data[7]) / 4;
    expectWithin(attention(normals(4, [1, 1, 1], dtype), kv, 1).value.toArray(), [mean], 8 * u);
  });
});

describe("attention", () => {
  it.each<[string, () => unknown]>([
    [
      "attention: qkv [2, 3, 4]; expected qkv [B, N, 3D], or q [B, M, D] with kv [B, N, 2D]",
      () => attention(zeros([2, 3, 4]), undefined, 1),
    ],
    [
      "attention: qkv [3, 6]; expected qkv [B, N, 3D], or q [B, M, D] with kv [B, N, 2D]",
      () => attention(zeros([3, 6]), undefined, 1),
    ],
    [
      "attention: q [2, 3, 4] and kv [2, 5, 4]; expected qkv [B, N, 3D], or q [B, M, D] with kv [B, N, 2D]",
      () => attention(zeros([2, 3, 4]), zeros([2, 5, 4]), 2),
    ],
    [
      "attention: q [2, 3, 4] and kv [1, 5, 8]; expected qkv [B, N, 3D], or q [B, M, D] with kv [B, N, 2D]",
      () => attention(zeros([2, 3, 4]), zeros([1, 5, 8]), 2),
    ],
    [
      "attention: f32 [1, 1, 2] with f64 [1, 1, 4]; convert one with cast",
      () => attention(zeros([1, 1, 2]), zeros([1, 1, 4], "f64"), 1),
    ],
    ["attention: 3 heads do not divide width 4", () => attention(zeros([2, 3, 12]), undefined, 3)],
  ])("says: %s", (message, run) => {
    expect(run).toThrow(new ShapeError(message));
  });
});
