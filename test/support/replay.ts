/** Ten steps of one parameter on given gradients, for comparison with a formula written out. */
import { parameterWithLayout, type Variable } from "../../src/autograd/index.ts";
import type { Optimizer } from "../../src/nn/index.ts";
import { type DType, Rng, tensor } from "../../src/tensor/index.ts";

export const STEPS = 10;

/** n numbers of −1..1, exact in f32. */
export function draws(n: number, seed: number): number[] {
  const rng = new Rng(seed);
  return Array.from({ length: n }, () => Math.fround(rng.between(-1, 1)));
}

export interface Replay {
  readonly shape: readonly number[];
  readonly axes?: readonly number[];
  readonly parts?: number;
  readonly path?: string;
  readonly factor?: (step: number) => number;
}

/** The start, the gradients and the numbers after all steps. */
export function replay(
  make: (parameters: ReadonlyMap<string, Variable>) => Optimizer,
  { shape, axes = shape, parts = 1, path = "a/kernel", factor = () => 1 }: Replay,
  dtype: DType,
): { start: number[]; gradients: number[][]; end: number[]; optimizer: Optimizer } {
  const n = shape.reduce((a, b) => a * b, 1);
  const start = draws(n, 1);
  const gradients = Array.from({ length: STEPS }, (_, step) => draws(n, 2 + step));
  const p = parameterWithLayout(tensor(start, shape, dtype), { axes, parts });
  const optimizer = make(new Map([[path, p]]));
  gradients.forEach((g, step) => {
    p.grad = tensor(g, shape, dtype);
    optimizer.step(factor(step));
  });
  return { start, gradients, end: [...p.value.data], optimizer };
}
