/**
 * The matrix products of a step, alone: the time of the step if everything else cost nothing.
 *
 * A step runs once with kernels that record every product; those of attention follow from its arguments: Q·Kᵀ and P·V forward,
 * four backward, a head of a few images at a time. The replay has the same sizes, forms, order and relative addresses, in a copy
 * of the heap, so that caches behave as in the step.
 */
import { heap, type Kernels, kernelsFor, useKernels } from "../src/tensor/index.ts";

type GemmArgs = Parameters<Kernels["gemm"]>[0];
type AttentionArgs = Parameters<Kernels["attention"]>[0];
type AttentionGradArgs = Parameters<Kernels["attentionGrad"]>[0];

const GROUP = 65536; // probabilities that stay in the L2 cache: images whose products are done together

/** A matrix per image. */
interface Matrices {
  readonly at: number;
  readonly row: number;
  readonly batch: number;
}

function product(
  batch: number,
  [m, n, k]: readonly [number, number, number],
  [a, transA]: readonly [Matrices, boolean],
  [b, transB]: readonly [Matrices, boolean],
  c: Matrices,
): GemmArgs {
  const places = { a: a.at, lda: a.row, b: b.at, ldb: b.row, c: c.at, ldc: c.row };
  const strides = { strideA: a.batch, strideB: b.batch, strideC: c.batch };
  return { transA, transB, m, n, k, batch, ...places, ...strides };
}

/** The products of attention, or of its gradient; intermediates of the gradient overwrite the probabilities here. */
export function attentionProducts(args: AttentionArgs | AttentionGradArgs): GemmArgs[] {
  const { batch, heads, queries: q, keys: n, headDim: d } = args;
  const group = Math.max(1, Math.floor(GROUP / (heads * q * n)));
  const products: GemmArgs[] = [];
  for (let first = 0; first < batch; first += group) {
    const images = Math.min(group, batch - first);
    for (let h = 0; h < heads; h++) {
      const part = ({ at, row, batch: next }: Matrices): Matrices => ({
        ...{ row, batch: next },
        at: at + 4 * (first * next + h * d),
      });
      const p = { at: args.probs + 4 * (first * heads + h) * q * n, row: n, batch: heads * q * n };
      const [Q, K, V] = [args.q, args.k, args.v].map(part);
      if (!("g" in args)) {
        products.push(product(images, [q, n, d], [Q, false], [K, true], p)); // P
        products.push(product(images, [q, d, n], [p, false], [V, false], part(args.out))); // P·V
      } else {
        const [G, dQ, dK, dV] = [args.g, args.dq, args.dk, args.dv].map(part);
        products.push(product(images, [n, d, q], [p, true], [G, false], dV)); // Pᵀ·G
        products.push(product(images, [q, n, d], [G, false], [V, true], p)); // dP = G·Vᵀ
        products.push(product(images, [q, d, n], [p, false], [K, false], dQ)); // dS·K
        products.push(product(images, [n, d, q], [p, true], [Q, false], dK)); // dSᵀ·Q
      }
    }
  }
  return products;
}

/** Every product of one call of `step`, in order. */
export function productsOf(step: () => void): GemmArgs[] {
  const kernels = kernelsFor("f32");
  const found: GemmArgs[] = [];
  useKernels({
    ...kernels,
    gemm: (args) => {
      found.push(args);
      kernels.gemm(args);
    },
    attention: (args) => {
      found.push(...attentionProducts(args));
      kernels.attention(args);
    },
    attentionGrad: (args) => {
      found.push(...attentionProducts(args));
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

export const flopOfProducts = (products: readonly GemmArgs[]): number =>
  products.reduce((flop, { m, n, k, batch = 1 }) => flop + 2 * m * n * k * batch, 0);

/** All of them as one call, in a copy of the heap that `release` frees. */
export function replay(products: readonly GemmArgs[]): { run: () => void; release: () => void } {
  const bytes = heap.reservedBytes;
  const shift = heap.allocate(bytes);
  heap.f32.fill(0.5, shift / 4, (shift + bytes) / 4);
  const replayed = products.map((args): GemmArgs => {
    const { a, b, c, bias = 0, plus = 0, factor = 0 } = args;
    const moved = (at: number): number => (at === 0 ? 0 : shift + at); // 0 is none
    const extra = { bias: moved(bias), plus: moved(plus), factor: moved(factor) };
    return { ...args, a: shift + a, b: shift + b, c: shift + c, ...extra };
  });
  const { gemm } = kernelsFor("f32");
  return {
    run: () => {
      for (const each of replayed) gemm(each);
    },
    release: () => heap.release(shift, bytes),
  };
}
