/**
 * Element-wise kernels, compared with the same loops in plain TypeScript. One thread, f32, best of several rounds.
 *
 * Each kernel on 1M numbers (2²⁰, from memory) and on 16k (2¹⁴, from a cache): nanoseconds per number.
 * Inputs are in −8..8, for log and sqrt in 0..8.
 */
import { heap, type Kernels, kernelsFor, plainKernels, Rng, UNARY, UNARY_GRAD } from "../src/tensor/index.ts";
import { BINARY } from "../src/tensor/kernels/scalar/binary.ts";
import { isForPositive } from "../src/tensor/kernels/scalar/unary.ts";
import { atMost, best, type Row } from "./row.ts";

const MOST = 2 ** 20; // numbers in a block
const SIZES = [
  { size: "1M", n: MOST, calls: 1 },
  { size: "16k", n: 2 ** 14, calls: 32 }, // several calls a round: the clock ticks in microseconds
];
const ROUNDS = 30;
/** Nanoseconds per number of a prototype on this kind of machine; 1.3 times as many are allowed, forward and backward. */
const PROTOTYPE: Readonly<Record<string, number>> = { exp: 0.6, sigmoid: 0.9, gelu: 1.1, logSigmoid: 2.3 };
const ROW = 192; // numbers, as wide as the ViT of the step bench

interface Blocks {
  readonly x: number;
  readonly positive: number;
  readonly g: number;
  readonly out: number;
  readonly m: number;
  readonly v: number;
}
interface Case {
  readonly name: string;
  readonly run: (kernels: Kernels, n: number, blocks: Blocks) => void;
}

// lr 0: the parameters do not change, however many rounds are run
const RATES = { lr: 0, decay: 0, beta1: 0.9, beta2: 0.999, eps: 1e-8, gradScale: 1 };

const CASES: readonly Case[] = [
  ...UNARY.map((op): Case => {
    const input = isForPositive(op) ? "positive" : "x";
    return { name: op, run: (k, n, blocks) => k.unary[op](n, blocks[input], blocks.out) };
  }),
  ...UNARY_GRAD.map(
    (op): Case => ({ name: `${op} gradient`, run: (k, n, { x, g, out }) => k.unaryGrad[op](n, x, g, out) }),
  ),
  ...BINARY.map((op): Case => ({ name: op, run: (k, n, { x, g, out }) => k.binary[op](1, n, x, g, out) })),
  {
    name: `add a row of ${ROW}`,
    run: (k, n, { x, g, out }) => k.binary.add(Math.floor(n / ROW), ROW, x, g, out),
  },
  ...BINARY.map(
    (op): Case => ({ name: `${op} a number`, run: (k, n, { x, out }) => k.binaryScalar[op](n, x, 3, out) }),
  ),
  { name: "fill", run: (k, n, { out }) => k.fill(n, 1, out) },
  { name: "copy", run: (k, n, { x, out }) => k.copy(n, x, out) },
  { name: "sum", run: (k, n, { x }) => k.sum(n, x) },
  { name: "sumSquares", run: (k, n, { x }) => k.sumSquares(n, x) },
  {
    name: "adamW",
    run: (k, n, { x, g, m, v }) => k.adamW(n, x, g, m, v, { ...RATES, correction1: 1, correction2: 1 }),
  },
  { name: "adafactor", run: (k, n, { x, g, m, v }) => k.adafactor(n, x, g, m, v, { ...RATES, bfloat16: true }) },
  { name: "lion", run: (k, n, { x, g, m }) => k.lion(n, x, g, m, RATES) },
  { name: "sgd", run: (k, n, { x, g, m }) => k.sgd(n, x, g, m, { ...RATES, momentum: 0.9, nesterov: false }) },
];

/** One row per case and size. */
export async function* elementwiseBench(): AsyncGenerator<Row> {
  const plain = plainKernels(heap, "f32");
  const [x, positive, g, out, m, v] = Array.from({ length: 6 }, () => heap.allocate(4 * MOST));
  const blocks = { x, positive, g, out, m, v };
  const rng = new Rng(1);
  for (let i = 0; i < MOST; i++) {
    heap.f32[x / 4 + i] = 16 * rng.uniform() - 8;
    heap.f32[positive / 4 + i] = 8 * rng.uniform();
    heap.f32[g / 4 + i] = rng.uniform() - 0.5;
  }
  for (const at of [m, v]) heap.f32.fill(0, at / 4, at / 4 + MOST);

  for (const { name, run } of CASES) {
    for (const { size, n, calls } of SIZES) {
      const seconds = (kernels: Kernels, rounds: number): number => {
        const round = () => {
          for (let i = 0; i < calls; i++) run(kernels, n, blocks);
        };
        return best(round, rounds, Math.ceil(rounds / 3)) / calls;
      };
      const ours = seconds(kernelsFor("f32"), ROUNDS);
      const reference = seconds(plain, 3);
      const nsPerElement = Number(((ours * 1e9) / n).toFixed(3));
      const ratio = { reference: Number((reference / ours).toFixed(1)) };
      const row = { bench: "elementwise", case: `${name} ${size}`, nsPerElement, ratio };
      const prototype = n === MOST ? PROTOTYPE[name.replace(" gradient", "")] : undefined;
      yield prototype ? atMost(row, { nsPerElement: Number((1.3 * prototype).toFixed(2)) }) : row;
    }
  }
  for (const at of Object.values(blocks)) heap.release(at, 4 * MOST);
}
