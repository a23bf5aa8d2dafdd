/**
 * A heap for tests of one kernel: operands lie between guard numbers, and only the outputs may change.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { Heap } from "../../../src/tensor/heap.ts";
import { plainKernels } from "../../../src/tensor/kernels/plain.ts";
import type { Ptr } from "../../../src/tensor/kernels/ptr.ts";
import { Rng } from "../../../src/tensor/random.ts";
import { engineSupports } from "../../../src/tensor/select/tileSpeed.ts";

export const heap = new Heap();
export const oracle = plainKernels(heap, "f32");
/** The variants that this engine can run. */
export const VARIANTS = [{ fma: false }, { fma: true }].filter(engineSupports);

/** Half a unit in the last place of 1: the relative error of one rounding. */
export const U = 2 ** -24;

const NUMBERS = 1 << 18;
const GAP = 5; // numbers; odd, so that operands start at every address that f32 allows
const GUARD = -98765.4321;
const arena = heap.allocate(NUMBERS * 4);

/** Writes inputs and outputs to memory, calls the kernel, and returns the outputs. */
export function run(
  inputs: readonly ArrayLike<number>[],
  sizes: readonly number[],
  call: (inputs: Ptr[], outputs: Ptr[]) => void,
): Float32Array[] {
  const numbers = heap.f32.subarray(arena / 4, arena / 4 + NUMBERS);
  let top = GAP;
  const place = (size: number): number => {
    const at = top;
    top += size + GAP;
    return at;
  };
  const from = inputs.map(({ length }) => place(length));
  const to = sizes.map(place);
  expect(top).toBeLessThan(NUMBERS);
  numbers.fill(GUARD, 0, top);
  inputs.forEach((values, i) => {
    numbers.set(values, from[i]);
  });
  const before = numbers.slice(0, top);
  const address = (at: number): Ptr => arena + at * 4;
  call(from.map(address), to.map(address));

  const results = to.map((at, i) => numbers.slice(at, at + sizes[i]));
  to.forEach((at, i) => {
    numbers.set(before.subarray(at, at + sizes[i]), at);
  });
  expect(sameBits(numbers.subarray(0, top), before), "memory outside the outputs changed").toBe(true);
  return results;
}

const bits = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
export const sameBits = (a: Float32Array, b: Float32Array): boolean => Buffer.compare(bits(a), bits(b)) === 0;
/** The same bits except those of NaN, whose sign the engine chooses and may change when it optimizes a running kernel. */
export const sameNumbers = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

/** |got − want| ≤ bound(i); non-finite entries must be equal. */
export function expectClose(got: Float32Array, want: Float32Array, bound: (i: number) => number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    if (Object.is(got[i], want[i])) continue;
    const error = Math.abs(got[i] - want[i]);
    if (!(error <= bound(i))) expect.fail(`[${i}] is ${got[i]}, not ${want[i]}: off by ${error}, bound ${bound(i)}`);
  }
}

/** n numbers of [mean − size, mean + size), the same ones for the same seed. */
export function uniform(n: number, seed: number, size = 1, mean = 0): Float32Array {
  const rng = new Rng(seed);
  return Float32Array.from({ length: n }, () => mean + size * (2 * rng.uniform() - 1));
}

export const seeds = fc.integer({ min: 0, max: 1e6 });
/** Row counts and lengths for every path through a kernel. */
export const tables = fc.record({
  rows: fc.integer({ min: 0, max: 5 }),
  cols: fc.integer({ min: 1, max: 67 }),
  seed: seeds,
});
