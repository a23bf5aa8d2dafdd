/**
 * The time of a step by kernel: every kernel is timed, and calls with the same name are summed.
 *
 * A product is named by its form and sizes (TN: A is transposed), so that layers are distinct; its work is 2·M·N·K. The row
 * "outside kernels" is the rest: JavaScript, allocation, and the clock at about 0.1 µs a call.
 * Figures are the best of several steps, name by name.
 */
import { type Kernels, kernelsFor, useKernels } from "../src/tensor/index.ts";
import type { Row } from "./row.ts";

type GemmArgs = Parameters<Kernels["gemm"]>[0];
type AttentionArgs = Parameters<Kernels["attention"]>[0];

interface Entry {
  calls: number;
  ms: number;
  flop: number;
}

const RUNS = 7;
const OUTSIDE = "outside kernels";

function productName({ transA, transB, m, n, k, batch = 1 }: GemmArgs): string {
  const form = `${transA ? "T" : "N"}${transB ? "T" : "N"}`;
  return `gemm ${form} ${batch > 1 ? `${batch}×` : ""}${m}x${n}x${k}`;
}

interface Product {
  readonly name: string;
  readonly flop: number;
}

/** Products are named by their sizes; attention has two products of one size, its gradient four. */
function productOf(name: string, args: unknown): Product {
  if (name === "gemm") {
    const gemm = args as GemmArgs;
    return { name: productName(gemm), flop: 2 * gemm.m * gemm.n * gemm.k * (gemm.batch ?? 1) };
  }
  if (name === "attention" || name === "attentionGrad") {
    const { batch, heads, queries, keys, headDim } = args as AttentionArgs;
    const product = 2 * batch * heads * queries * keys * headDim;
    return { name, flop: (name === "attention" ? 2 : 4) * product };
  }
  return { name, flop: 0 };
}

type Loop = (...args: unknown[]) => unknown;

/** The same kernels, each call timed into `entries`. */
function timed(kernels: Kernels, entries: Map<string, Entry>): Kernels {
  const wrap =
    (kernel: string, loop: Loop): Loop =>
    (...args) => {
      const start = performance.now();
      const result = loop(...args);
      const ms = performance.now() - start;
      const { name, flop } = productOf(kernel, args[0]);
      const entry = entries.get(name);
      if (entry) {
        entry.calls++;
        entry.ms += ms;
        entry.flop += flop;
      } else entries.set(name, { calls: 1, ms, flop });
      return result;
    };
  const wrapAll = (loops: object, suffix: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(loops).map(([name, loop]) => {
        if (typeof loop === "function") return [name, wrap(`${name}${suffix}`, loop as Loop)];
        const kind = name === "unaryGrad" ? "Grad" : name === "binaryScalar" ? " scalar" : "";
        return [name, typeof loop === "object" ? wrapAll(loop, kind) : loop];
      }),
    );
  return wrapAll(kernels, "") as unknown as Kernels;
}

/** A row per kernel, the most expensive first; `step` must have run before. */
export function profile(bench: string, step: () => void): Row[] {
  const kernels = kernelsFor("f32");
  const bestOf = new Map<string, Entry>();
  const keep = (name: string, entry: Entry): void => {
    const before = bestOf.get(name);
    if (!before || entry.ms < before.ms) bestOf.set(name, entry);
  };
  for (let run = 0; run < RUNS; run++) {
    const entries = new Map<string, Entry>();
    useKernels(timed(kernels, entries));
    const start = performance.now();
    try {
      step();
    } finally {
      useKernels(kernels);
    }
    let outside = performance.now() - start;
    for (const [name, entry] of entries) {
      keep(name, entry);
      outside -= entry.ms;
    }
    keep(OUTSIDE, { calls: 1, ms: outside, flop: 0 });
  }
  const total = [...bestOf.values()].reduce((sum, { ms }) => sum + ms, 0);
  return [...bestOf]
    .sort(([, a], [, b]) => b.ms - a.ms)
    .map(([name, { calls, ms, flop }]) => ({
      bench,
      case: name,
      calls,
      ms,
      share: ms / total,
      ...(flop > 0 ? { gflops: flop / ms / 1e6 } : {}),
      ratio: {},
    }));
}
