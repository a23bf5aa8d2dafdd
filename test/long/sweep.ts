/**
 * Runs checks over f32 numbers by their bit patterns, 2¹⁶ neighbours at a time, fast and strict kernels side by side.
 *
 * Neighbouring patterns have the same sign and exponent. Exact values are computed once for both modes.
 */
import { chooseKernels, heap, type KernelMode, kernelReport, kernelsFor } from "../../src/tensor/index.ts";
import type { Ptr } from "../../src/tensor/kernels/ptr.ts";
import { expFlush, log1p } from "../../src/tensor/kernels/scalar/exp.ts";
import { func, type Variant } from "../../src/tensor/wasm/assembler.ts";
import { i32 } from "../../src/tensor/wasm/instructions.ts";
import { instantiate } from "../../src/tensor/wasm/module.ts";
import { alongRow, vectors } from "../../src/tensor/wasm/rows.ts";
import type { Check, Measured, Places } from "./checks.ts";
import { Block } from "./exact.ts";
import { measure, noError, type Worst, worse } from "./meter.ts";
import { Target } from "./target.ts";

export const BLOCK = 2 ** 16;
export const MODES = ["fast", "strict"] as const satisfies readonly KernelMode[];
export type Mode = (typeof MODES)[number];

/** One check of one mode: the worst error by each bound of the check. */
export interface Result {
  readonly check: string;
  readonly mode: Mode;
  checked: number;
  readonly worst: Worst[];
}

/** Adds the results of another thread. */
export function merge(into: readonly Result[], more: readonly Result[]): void {
  into.forEach((result, i) => {
    result.checked += more[i].checked;
    more[i].worst.forEach((found, b) => {
      result.worst[b] = worse(result.worst[b], found);
    });
  });
}

const parts = {
  expFlush: func([i32, i32, i32], (n, x, out) =>
    alongRow(n, 1, [x, out], ([at]) => at.store(out, expFlush(at.load(x)))),
  ),
  log1p: func([i32, i32, i32], (n, x, out) =>
    alongRow(n, 1, [x, out], ([at]) => {
      const [v] = vectors(1);
      return [v.set(at.load(x)), at.store(out, log1p(v))];
    }),
  ),
};

function measured(mode: Mode): Measured {
  chooseKernels(mode);
  const variant: Variant = { fma: kernelReport().fma };
  return { ...kernelsFor("f32"), ...instantiate(heap.memory, variant, parts) };
}

export class Sweep {
  readonly results: readonly Result[];
  readonly #checks: readonly Check[];
  readonly #kernels = MODES.map(measured);
  readonly #at: Places;
  readonly #block: Block;
  readonly #out: Float32Array;
  readonly #target = new Target(BLOCK);

  constructor(checks: readonly Check[]) {
    this.#checks = checks;
    const [x, ones, out, spare] = Array.from({ length: 4 }, () => heap.allocate(4 * BLOCK));
    this.#at = { n: BLOCK, x, ones, out, spare };
    const view = (at: Ptr) => heap.f32.subarray(at / 4, at / 4 + BLOCK);
    view(ones).fill(1);
    this.#block = new Block(view(x));
    this.#out = view(out);
    this.results = checks.flatMap(({ name, bounds }) =>
      MODES.map((mode): Result => ({ check: name, mode, checked: 0, worst: bounds.map(noError) })),
    );
  }

  /** Checks the BLOCK numbers whose bit patterns begin at `first`. */
  block(first: number): void {
    const { x } = this.#block;
    const patterns = new Uint32Array(x.buffer, x.byteOffset, BLOCK);
    for (let i = 0; i < BLOCK; i++) patterns[i] = first + i;
    this.#block.renew();
    this.#checks.forEach((check, c) => {
      const [from, last] = check.domain ?? [0, 0xffffffff];
      if (first >= from && first <= last)
        this.#check(check, this.results.slice(MODES.length * c, MODES.length * (c + 1)));
    });
  }

  #check({ run, against, bounds }: Check, results: readonly Result[]): void {
    const [block, target, out] = [this.#block, this.#target, this.#out];
    if ("exact" in against) target.aim(against.exact, block);
    results.forEach((result, mode) => {
      const kernels = this.#kernels[mode];
      if ("twin" in against) {
        against.twin(kernels, this.#at);
        target.aimAt((y) => y.set(out));
      }
      run(kernels, this.#at);
      measure(block.x, out, target.rounded, target.exact, bounds, result.worst);
      result.checked += BLOCK;
    });
  }
}
