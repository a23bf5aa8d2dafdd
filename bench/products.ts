/**
 * The matrix products of a step, alone: what the step would take if everything else cost nothing.
 *
 * A step is run once with kernels that write down every product; attention's are read off its dimensions: Q·Kᵀ and P·V
 * forward, four backward, an image at a time with all its heads. Run again they have the same sizes, forms, row lengths
 * and order. Inputs and outputs go round in two arenas, larger than the caches as a step's memory is.
 */
import { heap, type Kernels, kernelsFor, useKernels } from "../src/tensor/index.ts";

type GemmArgs = Parameters<Kernels["gemm"]>[0];
type AttentionArgs = Parameters<Kernels["attention"]>[0];

/** A product without its addresses. */
type Form = Omit<GemmArgs, "a" | "b" | "c" | "bias"> & { readonly withBias: boolean };

const ARENA = 128 * 2 ** 20; // bytes: four times the L3 cache

/** [m, k]·[k, n] for each head of an image: rows of `lda`, `ldb`, `ldc`, heads that far apart. */
function perHead(
  heads: number,
  [m, n, k]: readonly [number, number, number],
  flags: { transA?: boolean; transB?: boolean },
  [lda, strideA]: readonly [number, number],
  [ldb, strideB]: readonly [number, number],
  [ldc, strideC]: readonly [number, number],
): Form {
  const { transA = false, transB = false } = flags;
  return { transA, transB, m, n, k, lda, ldb, ldc, batch: heads, strideA, strideB, strideC, withBias: false };
}

function attentionProducts(args: AttentionArgs, backward: boolean): Form[] {
  const { batch, heads, queries: q, keys: n, headDim: d } = args;
  const scores = [n, q * n] as const;
  const [Q, K, V, out] = [args.q, args.k, args.v, args.out].map(({ row }) => [row, d] as const);
  const forward = [
    perHead(heads, [q, n, d], { transB: true }, Q, K, scores), // Q·Kᵀ
    perHead(heads, [q, d, n], {}, scores, V, out), // P·V
  ];
  const back = [
    perHead(heads, [n, d, q], { transA: true }, scores, out, V), // dV = Pᵀ·G
    perHead(heads, [q, n, d], { transB: true }, out, V, scores), // dP = G·Vᵀ
    perHead(heads, [q, d, n], {}, scores, K, Q), // dQ = dS·K
    perHead(heads, [n, d, q], { transA: true }, scores, Q, K), // dK = dSᵀ·Q
  ];
  return Array.from({ length: batch }, () => (backward ? back : forward)).flat();
}

/** Every product of one call of `step`, in order. */
export function productsOf(step: () => void): Form[] {
  const kernels = kernelsFor("f32");
  const found: Form[] = [];
  useKernels({
    ...kernels,
    gemm: (args) => {
      const { a: _a, b: _b, c: _c, bias = 0, ...form } = args;
      found.push({ ...form, withBias: bias !== 0 });
      kernels.gemm(args);
    },
    attention: (args) => {
      found.push(...attentionProducts(args, false));
      kernels.attention(args);
    },
    attentionGrad: (args) => {
      found.push(...attentionProducts(args, true));
      kernels.attentionGrad(args);
    },
  });
  try {
    step();
  } finally {
    useKernels(kernels);
  }
  return found;
}

export const flopOfProducts = (forms: readonly Form[]): number =>
  forms.reduce((flop, { m, n, k, batch = 1 }) => flop + 2 * m * n * k * batch, 0);

/** All of them as one call, on arenas that `release` gives back. */
export function replay(forms: readonly Form[]): { run: () => void; release: () => void } {
  const [inputs, outputs] = [heap.allocate(ARENA), heap.allocate(ARENA)];
  heap.f32.fill(0.5, inputs / 4, (inputs + ARENA) / 4);
  let [read, written] = [0, 0];
  /** The next `numbers` of an arena, from its beginning again where they do not fit. */
  const next = (at: number, numbers: number): number => (at + 4 * numbers > ARENA ? 0 : at);
  const input = (numbers: number): number => {
    const at = next(read, numbers);
    read = at + 4 * numbers;
    return inputs + at;
  };
  const output = (numbers: number): number => {
    const at = next(written, numbers);
    written = at + 4 * numbers;
    return outputs + at;
  };
  const calls = forms.map(({ withBias, ...form }): GemmArgs => {
    const { transA, transB, m, n, k, lda, ldb, ldc, batch = 1, strideA = 0, strideB = 0, strideC = 0 } = form;
    const span = (rows: number, row: number, stride: number) => rows * row + (batch - 1) * stride;
    return {
      ...form,
      a: input(span(transA ? k : m, lda, strideA)),
      b: input(span(transB ? n : k, ldb, strideB)),
      c: output(span(m, ldc, strideC)),
      bias: withBias ? input(n) : 0,
    };
  });
  const { gemm } = kernelsFor("f32");
  return {
    run: () => {
      for (const call of calls) gemm(call);
    },
    release: () => {
      heap.release(inputs, ARENA);
      heap.release(outputs, ARENA);
    },
  };
}
