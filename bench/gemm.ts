/**
 * How fast is the matrix product, and next to OpenBLAS? One thread, f32, best of several rounds that alternate between
 * the two, so that a busy neighbour hurts both.
 *
 * Cases: cubes; the products of a ViT step (4096 tokens, width 192); those of the emoji recipe (2048 tokens, width 64);
 * attention heads read in place out of a joint projection (rows of three widths). A batch is one call here and a loop of
 * calls through the foreign function interface for OpenBLAS (about a microsecond each).
 */
import { heap, kernelsFor } from "../src/tensor/index.ts";
import { openblas, type Sgemm } from "./openblas.ts";

export interface GemmCase {
  readonly name: string;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  /** Row lengths in memory. */
  readonly lda: number;
  readonly ldb: number;
}

export type GemmRow = {
  readonly bench: "gemm";
  readonly case: string;
  readonly gflops: number;
  /** Our rate over theirs; empty where OpenBLAS is not installed. */
  readonly ratio: { readonly openblas?: number };
};

function gemmCase(form: "NN" | "NT" | "TN", m: number, n: number, k: number, batch = 1, row?: number): GemmCase {
  const transA = form === "TN";
  const transB = form === "NT";
  const name = `${form} ${batch > 1 ? `${batch}×` : ""}${m}x${n}x${k}`;
  return { name, transA, transB, m, n, k, batch, lda: row ?? (transA ? m : k), ldb: row ?? (transB ? k : n) };
}

export const GEMM_CASES: readonly GemmCase[] = [
  ...[64, 128, 256, 512, 1024].flatMap((n) => (["NN", "NT", "TN"] as const).map((form) => gemmCase(form, n, n, n))),
  ...[197, 257, 509].map((n) => gemmCase("NN", n, n, n)),
  gemmCase("NN", 4096, 768, 192),
  gemmCase("NN", 4096, 192, 768),
  gemmCase("NN", 4096, 576, 192),
  gemmCase("NT", 4096, 192, 768),
  gemmCase("NT", 4096, 768, 192),
  gemmCase("TN", 192, 768, 4096),
  gemmCase("TN", 768, 192, 4096),
  gemmCase("TN", 192, 576, 4096),
  // [M, N, K] = tokens, out, in: forward, then the gradient of the input, then that of the weight
  ...[[64, 64], [256, 64], [64, 256], [192, 64]].flatMap(([out, width]) => [
    gemmCase("NN", 2048, out, width),
    gemmCase("NT", 2048, width, out),
    gemmCase("TN", width, out, 2048),
  ]),
  ...(["NT", "NN", "TN"] as const).map((form) => gemmCase(form, 64, 64, 64, 64, 576)),
  ...(["NT", "NN", "TN"] as const).map((form) => gemmCase(form, 16, 16, 16, 512, 192)),
]; // biome-ignore format: a case a line

const ROUND_MS = 1; // short, so that some round meets no neighbour
const LEAST_ROUNDS = 8;
const LEAST_MS = 120;

/** Milliseconds of `calls` calls. */
function time(calls: number, body: () => void): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) body();
  return performance.now() - start;
}

/** How many calls fill one round. */
function calibrate(body: () => void): number {
  time(2, body); // compiled and warm
  let calls = 1;
  for (let ms = time(calls, body); ms < ROUND_MS; ms = time(calls, body)) {
    calls = Math.max(calls + 1, Math.ceil((calls * ROUND_MS * 1.1) / Math.max(ms, 0.01)));
  }
  return calls;
}

function measure(shape: GemmCase, sgemm: Sgemm | undefined): GemmRow {
  const { transA, transB, m, n, k, batch, lda, ldb } = shape;
  const sizeA = (transA ? k : m) * lda;
  const sizeB = (transB ? n : k) * ldb;
  const sizes = [sizeA * batch, sizeB * batch, m * n * batch];
  const [a, b, c] = sizes.map((size) => heap.allocate(4 * size));
  for (const [i, at] of [a, b, c].entries()) heap.f32.fill(0.5, at / 4, at / 4 + sizes[i]);

  const { gemm } = kernelsFor("f32");
  const batched = { batch, strideA: sizeA, strideB: sizeB, strideC: m * n };
  const ours = () => gemm({ transA, transB, m, n, k, a, lda, b, ldb, c, ldc: n, ...batched });
  const parts = Array.from({ length: batch }, () =>
    [sizeA, sizeB, m * n].map((size) => new Float32Array(size).fill(0.5)),
  );
  const theirs = sgemm && (() => {
    for (const [x, y, z] of parts) sgemm(transA, transB, m, n, k, x, lda, y, ldb, z, n);
  }); // biome-ignore format: a loop in a line

  const contestants = [ours, ...(theirs ? [theirs] : [])].map((body) => ({
    body,
    calls: calibrate(body),
    best: Infinity,
  }));
  const start = performance.now();
  for (let round = 0; round < LEAST_ROUNDS || performance.now() - start < LEAST_MS; round++) {
    for (const each of contestants) each.best = Math.min(each.best, time(each.calls, each.body) / each.calls);
  }
  for (const [i, at] of [a, b, c].entries()) heap.release(at, 4 * sizes[i]);
  const [mine, blas] = contestants.map(({ best }) => (2 * m * n * k * batch) / best / 1e6);
  const ratio = blas ? { openblas: Number((mine / blas).toFixed(2)) } : {};
  return { bench: "gemm", case: shape.name, gflops: Number(mine.toFixed(1)), ratio };
}

/** One row a case, as it is measured. `match` leaves out the cases whose name does not contain it. */
export async function* gemmBench({ match = "" }: { match?: string } = {}): AsyncGenerator<GemmRow> {
  const sgemm = await openblas();
  for (const shape of GEMM_CASES) if (shape.name.includes(match)) yield measure(shape, sgemm);
}
