/**
 * Kernels over rows, compared with the same loops in plain TypeScript. One thread, f32, best of several rounds.
 *
 * Sizes: emoji recipe (2048 image tokens of width 64; 1280 text tokens; attention of 16 tokens) and a ViT of width 192
 * (4096 tokens; 3 heads, 64 tokens). Nanoseconds per number of the input. The bars apply to the largest size.
 */
import { heap, type Kernels, kernelsFor, plainKernels, Rng } from "../src/tensor/index.ts";
import { atMost, best, type Row } from "./row.ts";

const ROUNDS = 30;
const MOST = 12288 * 64 * 4; // numbers in a block
/** 1.3 times the time of a prototype on this kind of machine, forward and backward. */
const SOFTMAX_BAR = { nsPerElement: 1.17 };
const NORM_BAR = { nsPerElement: 0.585 };
const BARS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "softmax 4096x256": SOFTMAX_BAR,
  "softmaxGrad 4096x256": SOFTMAX_BAR,
  "layerNorm 4096x192": NORM_BAR,
  "layerNormGrad 4096x192": NORM_BAR,
};

interface Blocks {
  readonly x: number;
  readonly y: number;
  readonly g: number;
  readonly out: number;
  /** Vectors of a row or a column. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}
interface Case {
  readonly name: string;
  readonly size: number;
  readonly run: (kernels: Kernels, blocks: Blocks) => void;
}

type RowKernel = (kernels: Kernels, rows: number, cols: number, blocks: Blocks) => void;
const overRows = (name: string, run: RowKernel, ...tables: [rows: number, cols: number][]): Case[] =>
  tables.map(([rows, cols]) => ({
    name: `${name} ${rows}x${cols}`,
    size: rows * cols,
    run: (kernels, blocks) => run(kernels, rows, cols, blocks),
  }));

const EMOJI: [number, number] = [2048, 64];
const VIT: [number, number] = [4096, 192];

const ids = Int32Array.from({ length: 1280 }, (_, i) => (i * 7919) % 500);

const CASES: readonly Case[] = [
  ...overRows(
    "softmax",
    (k, rows, cols, { x, out }) => k.softmax(rows, cols, x, out),
    [8192, 16],
    [12288, 64],
    [4096, 256],
  ),
  ...overRows(
    "softmaxGrad",
    (k, rows, cols, { x, g, out }) => k.softmaxGrad(rows, cols, x, g, out),
    [8192, 16],
    [12288, 64],
    [4096, 256],
  ),
  ...overRows("logSumExp", (k, rows, cols, { x, a }) => k.logSumExp(rows, cols, x, a), [256, 256]),
  ...overRows(
    "layerNorm",
    (k, rows, cols, { x, out, a, b, c, d }) => k.layerNorm(rows, cols, 1e-6, x, a, b, out, c, d),
    EMOJI,
    VIT,
  ),
  ...overRows(
    "layerNormGrad",
    (k, rows, cols, { x, g, out, a, b, c, d }) => k.layerNormGrad(rows, cols, x, a, b, c, g, out, d, d + 4 * cols),
    EMOJI,
    VIT,
  ),
  ...overRows("l2Normalize", (k, rows, cols, { x, out, a }) => k.l2Normalize(rows, cols, 1e-8, x, out, a), [256, 64]),
  ...overRows(
    "l2NormalizeGrad",
    (k, rows, cols, { x, g, out, a }) => k.l2NormalizeGrad(rows, cols, 1e-8, x, a, g, out),
    [256, 64],
  ),
  ...overRows("sumOverRows", (k, rows, cols, { x, a }) => k.sumOverRows(rows, cols, x, a), EMOJI, VIT),
  ...overRows("sumAlongRows", (k, rows, cols, { x, a }) => k.sumAlongRows(rows, cols, x, a), EMOJI),
  ...overRows("maxAlongRows", (k, rows, cols, { x, a }) => k.maxAlongRows(rows, cols, x, a), EMOJI),
  {
    name: "patchify 128x32x32x3",
    size: 128 * 32 * 32 * 3,
    run: (k, { x, out }) => k.strided([128, 4, 4, 8, 8, 3], [3072, 768, 24, 96, 3, 1], x, out),
  },
  { name: "transpose 1024x1024", size: 2 ** 20, run: (k, { x, out }) => k.strided([1024, 1024], [1, 1024], x, out) },
  { name: "gather 1280x64", size: 1280 * 64, run: (k, { x, out }) => k.gather(64, x, ids, out) },
  { name: "scatterAdd 1280x64", size: 1280 * 64, run: (k, { x, out }) => k.scatterAdd(64, x, ids, out) },
];

/** One row per case. */
export async function* rowsBench(): AsyncGenerator<Row> {
  const plain = plainKernels(heap, "f32");
  const [x, y, g, out, a, b, c, d] = Array.from({ length: 8 }, () => heap.allocate(4 * MOST));
  const blocks = { x, y, g, out, a, b, c, d };
  const rng = new Rng(1);
  for (const at of [x, y, g, a, b, c, d]) for (let i = 0; i < MOST; i++) heap.f32[at / 4 + i] = rng.uniform() - 0.5;
  for (const { name, size, run } of CASES) {
    const seconds = best(() => run(kernelsFor("f32"), blocks), ROUNDS, ROUNDS);
    const reference = best(() => run(plain, blocks), 5, 5);
    const nsPerElement = Number(((seconds * 1e9) / size).toFixed(3));
    const ratio = { reference: Number((reference / seconds).toFixed(1)) };
    const row = { bench: "elementwise", case: name, nsPerElement, ratio };
    yield name in BARS ? atMost(row, BARS[name]) : row;
  }
  for (const at of Object.values(blocks)) heap.release(at, 4 * MOST);
}
