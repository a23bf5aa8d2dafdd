import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Heap } from "../../../../src/tensor/heap.ts";
import type { GemmArgs } from "../../../../src/tensor/kernels/gemm/interface.ts";
import { simdGemm } from "../../../../src/tensor/kernels/gemm/simd.ts";
import { Rng } from "../../../../src/tensor/random.ts";
import { engineSupports } from "../../../../src/tensor/select/tileSpeed.ts";

const heap = new Heap();
const tile = (rows: number, columns: number) => ({ rows, columns });
const KINDS = [
  { kind: "5×8, product and sum", ...simdGemm(heap, { fma: false }, tile(5, 8)), fma: false },
  { kind: "4×16, product and sum", ...simdGemm(heap, { fma: false }, tile(4, 16)), fma: false },
  ...(engineSupports({ fma: true })
    ? [
        { kind: "6×8, fused", ...simdGemm(heap, { fma: true }, tile(6, 8)), fma: true },
        { kind: "6×16, fused", ...simdGemm(heap, { fma: true }, tile(6, 16)), fma: true },
      ]
    : []),
];

const SIZE = 1_100_000; // numbers in each block
const [A, B, C, D, BIAS, PLUS, FACTOR] = [1, 2, 3, 4, 5, 6, 7].map(() => heap.allocate(4 * SIZE));
const U = 2 ** -24; // unit roundoff of f32

const numbers = (at: number, length: number) => heap.f32.subarray(at / 4, at / 4 + length);
const bits = (at: number, length: number) => new Uint32Array(heap.memory.buffer, at, length).slice();
/** Compares without the cost of a report. */
const same = (x: Uint32Array, y: Uint32Array): boolean => x.length === y.length && x.every((word, i) => word === y[i]);

/** Numbers of either sign; some are zero, some far from 1. */
function randomize(at: number): void {
  const rng = new Rng(7).split(at);
  const spread = [1, 1, 1, 0, 1e3, 1e-3, 1];
  numbers(at, SIZE).forEach((_, i, all) => {
    all[i] = (2 * rng.uniform() - 1) * spread[i % 7];
  });
}
beforeAll(() => {
  for (const at of [A, B, BIAS, PLUS, FACTOR]) randomize(at);
});

const size = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(0, 1, 2, 4, 5, 6, 8, 16, 17));
const depth = fc.oneof(
  { weight: 5, arbitrary: size },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 257, 513, 1024, 1025) }, // around the blocks of k
);
const pad = fc.nat(5); // numbers between rows, or between the matrices of a batch
const flag = fc.boolean();

/** Any product that the interface allows, with its matrices in A, B, C. */
const products: fc.Arbitrary<Required<GemmArgs>> = fc
  .record({
    m: size,
    n: size,
    k: depth,
    batch: fc.constantFrom(1, 1, 1, 2, 3),
    transA: flag,
    transB: flag,
    accumulate: flag,
  })
  .chain((given) =>
    fc
      .record({
        bias: flag,
        plus: flag,
        factor: flag,
        repeatA: flag,
        repeatB: flag,
        rows: fc.tuple(pad, pad, pad),
        gaps: fc.tuple(pad, pad, pad),
      })
      .map(({ bias, plus, factor, repeatA, repeatB, rows, gaps }) => {
        const { m, n, k, transA, transB } = given;
        const lda = (transA ? m : k) + rows[0];
        const ldb = (transB ? k : n) + rows[1];
        const ldc = n + rows[2];
        const strideA = repeatA ? 0 : lda * (transA ? k : m) + gaps[0];
        const strideB = repeatB ? 0 : ldb * (transB ? n : k) + gaps[1];
        const strideC = ldc * m + gaps[2];
        return {
          ...given,
          a: A,
          lda,
          b: B,
          ldb,
          c: C,
          ldc,
          bias: bias ? BIAS : 0,
          plus: plus && given.batch === 1 ? PLUS : 0,
          factor: factor && given.batch === 1 ? FACTOR : 0,
          strideA,
          strideB,
          strideC,
        };
      }),
  );

/** C by the definition in f64, and the error allowed for each number; 0 around C. */
function expected(args: Required<GemmArgs>, before: Float32Array): { want: Float64Array; allowed: Float64Array } {
  const { transA, transB, m, n, k, lda, ldb, ldc, accumulate, bias, plus, factor, batch, strideA, strideB, strideC } =
    args;
  const [a, b, row, addend, times] = [A, B, BIAS, PLUS, FACTOR].map((at) => numbers(at, SIZE));
  const want = Float64Array.from(before);
  const allowed = new Float64Array(before.length);
  const gamma = 1.01 * (k + 4) * U; // k products, C, the bias, the addend and the factor, and the terms of second order
  for (let s = 0; s < batch; s++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const at = s * strideC + i * ldc + j;
        const others = [accumulate ? before[at] : 0, bias ? row[j] : 0, plus ? addend[at] : 0];
        let sum = others.reduce((total, x) => total + x);
        let size = others.reduce((total, x) => total + Math.abs(x), 0);
        for (let p = 0; p < k; p++) {
          const x = a[s * strideA + (transA ? p * lda + i : i * lda + p)];
          const y = b[s * strideB + (transB ? j * ldb + p : p * ldb + j)];
          sum += x * y;
          size += Math.abs(x * y);
        }
        want[at] = factor ? sum * times[at] : sum;
        allowed[at] = gamma * size * (factor ? Math.abs(times[at]) : 1);
      }
    }
  }
  return { want, allowed };
}

describe.each(KINDS)("gemm $kind", ({ gemm }) => {
  test("is within γ·|A||B| of the definition and does not write around C", () => {
    fc.assert(
      fc.property(products, (args) => {
        numbers(C, SIZE).set(numbers(A, SIZE));
        const c = numbers(C, args.strideC * args.batch + 100);
        const { want, allowed } = expected(args, c.slice());
        gemm(args);
        const wrong = c.findIndex((x, i) => !(Math.abs(x - want[i]) <= allowed[i]));
        if (wrong >= 0) expect.fail(`C[${wrong}] is ${c[wrong]}, not ${want[wrong]} ± ${allowed[wrong]}`);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["more rows, columns and steps than a block has", { transA: false, m: 100, n: 1050, k: 1030 }],
    ["a transposed A of more rows and steps than a block has", { transA: true, m: 600, n: 75, k: 300 }],
  ])("is within γ·|A||B| of the definition for %s", (_, sizes) => {
    const { transA, m, n, k } = sizes;
    const at = heap.allocate(4 * m * n);
    const lda = transA ? m : k;
    const shape = {
      ...sizes,
      transB: false,
      a: A,
      lda,
      b: B,
      ldb: n,
      c: at,
      ldc: n,
      accumulate: false,
      bias: 0,
      plus: 0,
      factor: 0,
    };
    const args = { ...shape, batch: 1, strideA: 0, strideB: 0, strideC: 0 };
    const { want, allowed } = expected(args, new Float32Array(m * n));
    gemm(args);
    expect(numbers(at, m * n).findIndex((x, i) => !(Math.abs(x - want[i]) <= allowed[i]))).toBe(-1);
    heap.release(at, 4 * m * n);
  });

  /** The bits of C, contiguous, for a product of A and B. */
  const product = (args: Partial<GemmArgs> & Pick<GemmArgs, "m" | "n" | "k">): Uint32Array => {
    const { m, n, k, transA = false, transB = false } = args;
    gemm({ transA, transB, a: A, lda: transA ? m : k, b: B, ldb: transB ? k : n, c: C, ldc: n, ...args });
    return bits(args.c ?? C, m * n);
  };
  const side = fc.integer({ min: 1, max: 90 });
  const sizes = fc.record({ m: side, n: side, k: depth });
  const inOneBlock = fc.record({ m: side, n: side, k: fc.integer({ min: 0, max: 256 }) }); // of any form

  test("(A·B)ᵀ is Bᵀ·Aᵀ in one block of steps, bitwise", () => {
    fc.assert(
      fc.property(inOneBlock, flag, flag, ({ m, n, k }, transA, transB) => {
        const ab = product({ m, n, k, transA, transB });
        const flipped = { m: n, n: m, k, transA: !transB, transB: !transA, a: B, b: A };
        const ba = product({ ...flipped, lda: transB ? k : n, ldb: transA ? m : k });
        expect(
          same(
            ba,
            ab.map((_, i) => ab[(i % m) * n + Math.floor(i / m)]),
          ),
        ).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("blocks of rows and of columns are the whole, bitwise", () => {
    fc.assert(
      fc.property(sizes, flag, flag, fc.nat(), ({ m, n, k }, transA, transB, cut) => {
        const [lda, ldb] = [transA ? m : k, transB ? k : n];
        const whole = product({ m, n, k, transA, transB });
        const rows = cut % (m + 1);
        const below = A + 4 * rows * (transA ? 1 : lda);
        product({ m: rows, n, k, transA, transB, lda, c: D });
        product({ m: m - rows, n, k, transA, transB, lda, a: below, c: D + 4 * rows * n });
        expect(same(bits(D, m * n), whole)).toBe(true);
        const columns = cut % (n + 1);
        const right = B + 4 * columns * (transB ? ldb : 1);
        product({ m, n: columns, k, transA, transB, ldb, c: D, ldc: n });
        product({ m, n: n - columns, k, transA, transB, ldb, b: right, c: D + 4 * columns, ldc: n });
        expect(same(bits(D, m * n), whole)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("an entry of a batch is the product on the entry alone, bitwise", () => {
    fc.assert(
      fc.property(products, (args) => {
        const { batch, strideA, strideB, strideC } = args;
        for (const at of [C, D]) numbers(at, SIZE).set(numbers(A, SIZE));
        gemm(args);
        for (let s = 0; s < batch; s++) {
          const [a, b, c] = [A + 4 * s * strideA, B + 4 * s * strideB, D + 4 * s * strideC];
          gemm({ ...args, a, b, c, batch: 1 });
        }
        const length = batch * strideC;
        expect(same(bits(C, length), bits(D, length))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("A·1 is A and A·0 is 0, bitwise", () => {
    const n = 37;
    numbers(B, n * n).fill(0);
    expect(product({ m: 50, n, k: n })).toEqual(new Uint32Array(50 * n));
    for (let i = 0; i < n; i++) numbers(B, n * n)[i * n + i] = 1;
    product({ m: 50, n, k: n });
    expect(numbers(C, 50 * n)).toEqual(numbers(A, 50 * n).map((x) => x + 0)); // the sum starts at +0, so no −0
    randomize(B);
  });

  test("NaN and infinity reach their row or column and nothing else", () => {
    const [m, n, k] = [7, 18, 5];
    const saved = numbers(A, m * k).slice();
    product({ m, n, k });
    const clean = numbers(C, m * n).slice();
    numbers(A, m * k)[3 * k + 2] = Number.NaN;
    product({ m, n, k });
    expect(numbers(C, m * n)).toEqual(clean.map((x, i) => (Math.floor(i / n) === 3 ? Number.NaN : x)));
    numbers(A, m * k).set(saved);
  });
});

test("the tile changes no bit", () => {
  fc.assert(
    fc.property(products, (args) => {
      const results = KINDS.map(({ gemm, fma }) => {
        numbers(C, SIZE).set(numbers(A, SIZE));
        gemm(args);
        return { fma, c: bits(C, args.strideC * args.batch) };
      });
      for (const each of results) {
        const other = results.find(({ fma }) => fma === each.fma)!;
        expect(same(each.c, other.c)).toBe(true);
      }
    }),
    { numRuns: 25 },
  );
});

test("addresses beyond 2 GiB work", () => {
  const large = new Heap();
  large.allocate(2 ** 31); // never touched, so the system commits no memory for it
  const [m, n, k] = [20, 21, 22];
  const [a, b, c] = [m * k, k * n, m * n].map((size) => large.allocate(4 * size));
  expect(a).toBeGreaterThan(2 ** 31);
  large.f32.fill(0.5, a / 4, a / 4 + m * k);
  large.f32.fill(0.25, b / 4, b / 4 + k * n);
  const { gemm } = simdGemm(large, { fma: false }, tile(4, 8));
  gemm({ transA: false, transB: true, m, n, k, a, lda: k, b, ldb: k, c, ldc: n });
  expect(large.f32.subarray(c / 4, c / 4 + m * n)).toEqual(new Float32Array(m * n).fill(k / 8));
});
