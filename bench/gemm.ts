/**
 * Rates of the matrix product, compared with its inner loop alone, with OpenBLAS and with itself at favourable sizes. One
 * thread, f32.
 *
 * A batch is one call here and a loop of calls through the foreign function interface for OpenBLAS (about a microsecond
 * each).
 */
import { heap, kernelsFor } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { GEMM_CASES, type GemmCase, nameOf, type Product } from "./gemmCases.ts";
import { openblas, type Sgemm } from "./openblas.ts";
import { atLeast, holds, type Row } from "./row.ts";
import { type Anchor, tileAnchor } from "./tile.ts";

export const flopOf = ({ m, n, k, batch }: Product): number => 2 * m * n * k * batch;

/** Numbers of A, B and C of one entry of the batch. */
const sizesOf = ({ m, n, k }: Product): [number, number, number] => [m * k, k * n, m * n];

/** Row lengths of A and B. */
const rowsOf = ({ form, m, n, k }: Product) => ({ lda: form === "TN" ? m : k, ldb: form === "NT" ? k : n });

/** Our product as a call, in new blocks that `release` frees. */
export function ourProduct(product: Product): { run: () => void; release: () => void } {
  const { form, m, n, k, batch } = product;
  const sizes = sizesOf(product);
  const blocks = sizes.map((size) => heap.allocate(4 * size * batch));
  for (const [i, at] of blocks.entries()) heap.f32.fill(0.5, at / 4, at / 4 + sizes[i] * batch);
  const [a, b, c] = blocks;
  const [strideA, strideB, strideC] = sizes;
  const flags = { transA: form === "TN", transB: form === "NT" };
  const args = { ...flags, m, n, k, ...rowsOf(product), a, b, c, ldc: n, batch, strideA, strideB, strideC };
  return {
    run: () => kernelsFor("f32").gemm(args),
    release: () => {
      for (const [i, at] of blocks.entries()) heap.release(at, 4 * sizes[i] * batch);
    },
  };
}

/** The product of OpenBLAS as a call. */
function theirProduct(sgemm: Sgemm, product: Product): () => void {
  const { form, m, n, k, batch } = product;
  const { lda, ldb } = rowsOf(product);
  const parts = Array.from({ length: batch }, () => sizesOf(product).map((size) => new Float32Array(size).fill(0.5)));
  return () => {
    for (const [x, y, z] of parts) sgemm(form === "TN", form === "NT", m, n, k, x, lda, y, ldb, z, n);
  };
}

const round = (x: number, digits: number): number => Number(x.toFixed(digits));

function measure({ product, beside, bar }: GemmCase, tile: readonly Anchor[], sgemm: Sgemm | undefined): Row {
  const ours = ourProduct(product);
  const other = beside && ourProduct(beside.product);
  const anchors: Anchor[] = [
    ...tile,
    ...(sgemm ? [{ anchor: "openblas", run: theirProduct(sgemm, product), flop: flopOf(product) }] : []),
    ...(beside && other ? [{ anchor: beside.anchor, run: other.run, flop: flopOf(beside.product) }] : []),
  ];
  const rateAt = (seconds: number): number => flopOf(product) / seconds / 1e9;
  const ratioAt = ([mine, ...theirs]: readonly number[]): Record<string, number> =>
    Object.fromEntries(
      anchors.map(({ anchor, flop }, i) => [anchor, round(rateAt(mine) / (flop / theirs[i] / 1e9), 3)]),
    );
  const enough = (seconds: readonly number[]) => holds(ratioAt(seconds), bar) !== false;
  const seconds = contest([ours.run, ...anchors.map(({ run }) => run)], { enough });
  ours.release();
  other?.release();
  const ratio = ratioAt(seconds);
  return atLeast({ bench: "gemm", case: nameOf(product), gflops: round(rateAt(seconds[0]), 1), ratio }, bar);
}

/** One row per case, as soon as it is measured. */
export async function* gemmBench(): AsyncGenerator<Row> {
  const sgemm = await openblas();
  const tile = tileAnchor();
  for (const each of GEMM_CASES) yield measure(each, tile, sgemm);
}
