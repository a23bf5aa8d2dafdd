/**
 * The matrix product in seven steps, the rungs, from three loops to packed SIMD. Each rung is checked against the first.
 *
 *     npm run bench:ladder [-- size]        C = A·B, f32, square, one thread
 *
 * The limit: a core that starts two 256-bit fused multiply-adds a cycle does 32 floating-point operations a cycle, about
 * 118 GFLOP/s at 3.7 GHz; with 128-bit vectors half of that.
 */
import "../../src/engine.ts";
import { heap, Rng } from "../../src/tensor/index.ts";
import { simdGemm } from "../../src/tensor/kernels/gemm/simd.ts";
import { func } from "../../src/tensor/wasm/assembler.ts";
import { add, f32, f32x4, i32, madd, mul, store } from "../../src/tensor/wasm/instructions.ts";
import { inc, range } from "../../src/tensor/wasm/loops.ts";
import { instantiate } from "../../src/tensor/wasm/module.ts";

type Matrix = Float32Array;

/** Rung 1: the definition. B is read along its columns: a cache line for every number. */
function threeLoops(n: number, A: Matrix, B: Matrix, C: Matrix): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < n; p++) sum += A[i * n + p] * B[p * n + j];
      C[i * n + j] = sum;
    }
  }
}

/** Rung 2: the inner two loops exchanged. B and C are read along rows; the sums go through memory. */
function alongRows(n: number, A: Matrix, B: Matrix, C: Matrix): void {
  C.fill(0);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < n; p++) {
      const a = A[i * n + p];
      for (let j = 0; j < n; j++) C[i * n + j] += a * B[p * n + j];
    }
  }
}

/** Rung 3: a tile of 2 × 4 sums stays in registers: 8 products for 6 numbers read, instead of 1 for 3. */
function registerTile(n: number, A: Matrix, B: Matrix, C: Matrix): void {
  for (let i = 0; i < n; i += 2) {
    for (let j = 0; j < n; j += 4) {
      let s00 = 0;
      let s01 = 0;
      let s02 = 0;
      let s03 = 0;
      let s10 = 0;
      let s11 = 0;
      let s12 = 0;
      let s13 = 0;
      for (let p = 0; p < n; p++) {
        const a0 = A[i * n + p];
        const a1 = A[(i + 1) * n + p];
        const at = p * n + j;
        const b0 = B[at];
        const b1 = B[at + 1];
        const b2 = B[at + 2];
        const b3 = B[at + 3];
        s00 += a0 * b0;
        s01 += a0 * b1;
        s02 += a0 * b2;
        s03 += a0 * b3;
        s10 += a1 * b0;
        s11 += a1 * b1;
        s12 += a1 * b2;
        s13 += a1 * b3;
      }
      const to = i * n + j;
      C[to] = s00;
      C[to + 1] = s01;
      C[to + 2] = s02;
      C[to + 3] = s03;
      C[to + n] = s10;
      C[to + n + 1] = s11;
      C[to + n + 2] = s12;
      C[to + n + 3] = s13;
    }
  }
}

/** Rung 4: rung 2 as WebAssembly, a number at a time: f32 stays f32, where JavaScript computes in f64 and rounds. */
const scalarWasm = func([i32, i32, i32, i32], (n, a, b, c) => {
  const [i, p, j, row, to] = [i32.local(), i32.local(), i32.local(), i32.local(), i32.local()];
  const left = f32.local();
  return range(i, 0, n, 1, [
    row.set(b),
    range(p, 0, n, 1, [
      left.set(f32.load(a)),
      inc(a, 4),
      to.set(c),
      range(j, 0, n, 1, [store(to, add(f32.load(to), mul(left, f32.load(row)))), inc(to, 4), inc(row, 4)]),
    ]),
    inc(c, mul(n, 4)),
  ]);
});

/** Rung 5: the same loops, four numbers in a vector and one instruction for product and sum. C still goes through memory. */
const simdWasm = func([i32, i32, i32, i32], (n, a, b, c) => {
  const [i, p, j, row, to] = [i32.local(), i32.local(), i32.local(), i32.local(), i32.local()];
  const left = f32x4.local();
  return range(i, 0, n, 1, [
    row.set(b),
    range(p, 0, n, 1, [
      left.set(f32x4.loadSplat(a)),
      inc(a, 4),
      to.set(c),
      range(j, 0, n, 4, [store(to, madd(left, f32x4.load(row), f32x4.load(to))), inc(to, 16), inc(row, 16)]),
    ]),
    inc(c, mul(n, 4)),
  ]);
});

interface Rung {
  readonly name: string;
  readonly why: string;
  readonly run: () => void;
}

const size = Number(process.argv[2] ?? 512);
if (!Number.isInteger(size) || size < 4 || size % 4 !== 0) {
  process.stderr.write(`ladder: ${process.argv[2]} is not a multiple of 4\n`);
  process.exit(2);
}

const rng = new Rng(1);
const place = (): number => heap.allocate(4 * size * size);
const [a, b, c] = [place(), place(), place()];
const view = (at: number): Matrix => heap.f32.subarray(at / 4, at / 4 + size * size);
for (const at of [a, b]) view(at).set(Float32Array.from({ length: size * size }, () => rng.between(-1, 1)));
// The JavaScript rungs use ordinary arrays, as a program without this engine would.
const [A, B, C] = [view(a).slice(), view(b).slice(), new Float32Array(size * size)];
const inPlace = (run: (n: number, a: number, b: number, c: number) => void) => () => {
  view(c).fill(0);
  run(size, a, b, c);
};
const gemm = (fma: boolean, rows: number, columns: number) => {
  const { gemm: product } = simdGemm(heap, { fma }, { rows, columns });
  return () =>
    product({ transA: false, transB: false, m: size, n: size, k: size, a, lda: size, b, ldb: size, c, ldc: size });
};
const onArrays = (run: typeof threeLoops) => () => {
  run(size, A, B, C);
  view(c).set(C);
};

const { scalar, simd } = instantiate(heap.memory, { fma: true }, { scalar: scalarWasm, simd: simdWasm });
const rungs: readonly Rung[] = [
  { name: "1 three loops", why: "the definition, in JavaScript", run: onArrays(threeLoops) },
  { name: "2 along rows", why: "memory is read in order", run: onArrays(alongRows) },
  { name: "3 register tile", why: "8 products for 6 numbers read", run: onArrays(registerTile) },
  { name: "4 WebAssembly", why: "rung 2 again: f32 stays f32, no bounds to check", run: inPlace(scalar) },
  { name: "5 SIMD", why: "4 numbers an instruction, product and sum in one", run: inPlace(simd) },
  { name: "6 tile 6×8, packed", why: "12 vectors of sums in registers, panels in the caches", run: gemm(true, 6, 8) },
  { name: "7 tile 6×16", why: "pairs of vectors fused to 256 bits by the engine", run: gemm(true, 6, 16) },
];

process.stdout.write(`${size}³, Node ${process.versions.node}, one thread\n\n`);
let reference: Matrix | undefined;
let first = 0;
for (const { name, why, run } of rungs) {
  run();
  const result = view(c).slice();
  reference ??= result;
  const worst = result.reduce((error, x, i) => Math.max(error, Math.abs(x - (reference as Matrix)[i])), 0);
  // Sums of `size` products of numbers in −1..1, in another order: a few roundings of the largest partial sum.
  if (!(worst < size * 2 ** -20)) throw new Error(`ladder: ${name} differs from rung 1 by ${worst}`);
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + 700;
  do {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < until);
  const gflops = (2 * size ** 3) / best / 1e6;
  first ||= gflops;
  process.stdout.write(
    `${name.padEnd(20)}${gflops.toFixed(1).padStart(7)} GFLOP/s ${(gflops / first).toFixed(0).padStart(4)} ×   ${why}\n`,
  );
}
