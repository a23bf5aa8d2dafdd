import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttentionGradArgs, AttentionKernels } from "../../../../src/tensor/kernels/attention/interface.ts";
import { simdAttention } from "../../../../src/tensor/kernels/attention/simd.ts";
import { simdGemm } from "../../../../src/tensor/kernels/gemm/simd.ts";
import type { Ptr } from "../../../../src/tensor/kernels/ptr.ts";
import { simdSoftmax } from "../../../../src/tensor/kernels/softmax/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

type Dims = Pick<AttentionGradArgs, "batch" | "heads" | "queries" | "keys" | "headDim">;
interface Problem extends Dims {
  /** Whether q, k, v lie side by side in one projection. */
  readonly packed: boolean;
  readonly seed: number;
}

/** Queries [B, M, D] and keys with values [B, N, 2D], or all of them [B, N, 3D], and the position of each part. */
function places({ batch, heads, queries, keys, headDim, packed }: Problem) {
  const width = heads * headDim;
  const place = (tokens: number, parts: number) => {
    const part = (at: Ptr, i: number) => ({
      at: at + 4 * i * width,
      batch: tokens * parts * width,
      row: parts * width,
    });
    return { size: batch * tokens * parts * width, part };
  };
  const out = place(queries, 1);
  return packed
    ? { q: place(queries, 3), kv: place(queries, 3), first: 1, out }
    : { q: out, kv: place(keys, 2), first: 0, out };
}

const input = (p: Problem) => {
  const { q, kv } = places(p);
  return { q: uniform(q.size, p.seed, 2), kv: p.packed ? new Float32Array() : uniform(kv.size, p.seed + 1, 2) };
};

/** [out, probs] */
function forward(kernels: AttentionKernels, p: Problem, x = input(p)): Float32Array[] {
  const { q, kv, first, out } = places(p);
  return run([x.q, x.kv], [out.size, p.batch * p.heads * p.queries * p.keys], ([pq, pkv], [po, probs]) => {
    const source = p.packed ? pq : pkv;
    kernels.attention({
      ...p, q: q.part(pq, 0), k: kv.part(source, first), v: kv.part(source, first + 1), out: out.part(po, 0), probs,
    }); // biome-ignore format: the parts in one line
  });
}

/** [dq or dqkv, dkv or nothing] */
function backward(
  kernels: AttentionKernels,
  p: Problem,
  probs: Float32Array,
  x = input(p),
  g = gradient(p),
): Float32Array[] {
  const { q, kv, first, out } = places(p);
  return run([x.q, x.kv, probs, g], [q.size, x.kv.length], ([pq, pkv, pp, pg], [dq, dkv]) => {
    const [source, target] = p.packed ? [pq, dq] : [pkv, dkv];
    kernels.attentionGrad({
      ...p, q: q.part(pq, 0), k: kv.part(source, first), v: kv.part(source, first + 1), out: out.part(pg, 0), probs: pp,
      g: out.part(pg, 0), dq: q.part(dq, 0), dk: kv.part(target, first), dv: kv.part(target, first + 1),
    }); // biome-ignore format: the parts in one line
  });
}
const gradient = (p: Problem) => uniform(places(p).out.size, p.seed + 2);

const side = (max: number) => fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(1, 4, 8, 10, 16));
const problems: fc.Arbitrary<Problem> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    heads: fc.integer({ min: 1, max: 3 }),
    queries: side(20),
    keys: side(20),
    headDim: fc.oneof(side(20), fc.constantFrom(16, 32, 48)), // multiples of 16 have separate kernels
    packed: fc.boolean(),
    seed: seeds,
  })
  .map((p) => (p.packed ? { ...p, keys: p.queries } : p));

/** More images than one group holds. */
const BIG: Problem = { batch: 3, heads: 1, queries: 150, keys: 150, headDim: 4, packed: true, seed: 1 };
/** One query, as in attention pooling. */
const POOLING: Problem = { batch: 3, heads: 4, queries: 1, keys: 16, headDim: 16, packed: false, seed: 1 };

/** Wide tiles hold more rows of few keys in registers. */
const BUILDS = VARIANTS.flatMap(({ fma }) => [8, 16].map((columns) => ({ fma, columns })));

describe.each(BUILDS)("attention, %o", ({ fma, columns }) => {
  const tile = { rows: fma ? 6 : 5, columns };
  const gemm = simdGemm(heap, { fma }, tile);
  const kernels = simdAttention(heap, { fma }, tile, gemm, simdSoftmax(heap, { fma }).scaled);

  test("equals the oracle within the roundings of its products, packed or not", () => {
    fc.assert(
      fc.property(problems, (p) => {
        const [out, probs] = forward(kernels, p);
        const [wantOut, wantProbs] = forward(oracle, p);
        // |q·k|/√K ≤ 4√K, with an error of K roundings, becomes relative in P; |v| ≤ 2.
        const relative = (16 + 4 * (p.headDim + 4) * Math.sqrt(p.headDim)) * U;
        expectClose(probs, wantProbs, (i) => relative * wantProbs[i] + 2 ** -126);
        expectClose(out, wantOut, () => 2 * relative + 2 * (p.keys + 4) * U);
      }),
      { numRuns: 60, examples: [[BIG], [POOLING]] },
    );
  });

  test("its gradients equal the oracle within the roundings of their products", () => {
    fc.assert(
      fc.property(problems, (p) => {
        const [, probs] = forward(oracle, p);
        const got = backward(kernels, p, probs);
        const want = backward(oracle, p, probs);
        // |g·v| ≤ 2K, so |dS| ≤ P·4√K and |dS·k|, |dS·q| ≤ P·8√K, with an error of a rounding per term of each sum.
        const bound = 8 * Math.sqrt(p.headDim) * (p.queries + p.keys + p.headDim + 16) * U * p.queries;
        for (const i of [0, 1]) expectClose(got[i], want[i], () => bound);
      }),
      { numRuns: 60, examples: [[BIG], [POOLING]] },
    );
  });

  test("of an image has the same bits whatever the other images and their number", () => {
    fc.assert(
      fc.property(problems, (p) => {
        const [x, g] = [input(p), gradient(p)];
        const whole = forward(kernels, p, x);
        const wholeGrad = backward(kernels, p, whole[1], x, g);
        for (let i = 0; i < p.batch; i++) {
          const part = (values: Float32Array) => {
            const length = values.length / p.batch;
            return values.slice(i * length, (i + 1) * length);
          };
          const alone = { ...p, batch: 1 };
          const xAlone = { q: part(x.q), kv: part(x.kv) };
          const [out, probs] = forward(kernels, alone, xAlone);
          const grads = backward(kernels, alone, probs, xAlone, part(g));
          [out, probs].forEach((values, k) => {
            expect(sameBits(values, part(whole[k]))).toBe(true);
          });
          grads.forEach((values, k) => {
            expect(sameBits(values, part(wholeGrad[k]))).toBe(true);
          });
        }
      }),
      { numRuns: 60, examples: [[BIG], [POOLING]] },
    );
  });

  test("allocates nothing after its first call", () => {
    const [, probs] = forward(kernels, BIG);
    backward(kernels, BIG, probs);
    const before = heap.reservedBytes;
    backward(kernels, BIG, probs);
    forward(kernels, BIG);
    expect(heap.reservedBytes).toBe(before);
  });
});
