/**
 * The element-wise kernels: a formula on four numbers, applied along a row.
 *
 * Every number goes through the same vector formula, so a result does not depend on its position in an array; an output
 * may overwrite an input that starts at the same address. +, −, ·, /, √, min and max are rounded once, as IEEE 754 says.
 */
import type { Heap } from "../../heap.ts";
import { type F32x4, func, type Local, type Variant } from "../../wasm/assembler.ts";
import { f32, f32x4, i32, mul } from "../../wasm/instructions.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, eachRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import { BINARY, binaryFunctions } from "../scalar/binary.ts";
import { byName } from "../scalar/byName.ts";
import { UNARY, UNARY_GRAD, UNARY_WITH_DERIVATIVE, unaryFunctions, type WithDerivative } from "../scalar/unary.ts";
import type { ElementwiseKernels } from "./interface.ts";

type X = Local<"f32x4">;

/** out = f(x) */
const map = (f: (x: X) => F32x4) =>
  func([i32, i32, i32], (n, x, out) =>
    alongRow(n, UNROLL, [x, out], (lanes) => {
      const v = vectors(lanes.length);
      return [
        lanes.map((at, i) => v[i].set(at.load(x))),
        lanes.map((_, i) => v[i].set(f(v[i]))),
        storeAll(lanes, out, v),
      ];
    }),
  );

/** out = g·f′(x) */
const chain = (derivative: (x: X) => F32x4) =>
  func([i32, i32, i32, i32], (n, x, g, out) =>
    alongRow(n, UNROLL, [x, g, out], (lanes) => {
      const v = vectors(lanes.length);
      return [
        lanes.map((at, i) => v[i].set(at.load(x))),
        lanes.map((at, i) => v[i].set(mul(derivative(v[i]), at.load(g)))),
        storeAll(lanes, out, v),
      ];
    }),
  );

/** out = f(x), slopes = f′(x) */
const mapBoth = (f: WithDerivative) =>
  func([i32, i32, i32, i32], (n, x, out, slopes) =>
    alongRow(n, UNROLL, [x, out, slopes], (lanes) => {
      const v = vectors(lanes.length);
      const y = vectors(lanes.length);
      const parts = v.map(f);
      return [
        lanes.map((at, i) => v[i].set(at.load(x))),
        parts.map(({ code }) => code),
        parts.map(({ value }, i) => y[i].set(value)),
        parts.map(({ derivative }, i) => v[i].set(derivative)),
        storeAll(lanes, out, y),
        storeAll(lanes, slopes, v),
      ];
    }),
  );

type Formula = (a: F32x4, b: F32x4) => F32x4;

/** out = a ∘ b, b a row under every row of a. */
const combine = (f: Formula) =>
  func([i32, i32, i32, i32, i32], (rows, cols, a, b, out) => {
    const at = i32.local(); // runs along b
    return eachRow(rows, [
      at.set(b),
      alongRow(cols, UNROLL, [a, at, out], (lanes) => {
        const v = vectors(lanes.length);
        return [lanes.map((lane, i) => v[i].set(f(lane.load(a), lane.load(at)))), storeAll(lanes, out, v)];
      }),
    ]);
  });

/** out = a ∘ value */
const combineScalar = (f: Formula) =>
  func([i32, i32, f32, i32], (n, a, value, out) => {
    const b = f32x4.local();
    return [
      b.set(f32x4.splat(value)),
      alongRow(n, UNROLL, [a, out], (lanes) => {
        const v = vectors(lanes.length);
        return [lanes.map((at, i) => v[i].set(f(at.load(a), b))), storeAll(lanes, out, v)];
      }),
    ];
  });

const unary = byName(UNARY, (op) => map(unaryFunctions[op].simd));
const unaryGrad = byName(UNARY_GRAD, (op) => chain(unaryFunctions[op].derivative.simd));
const unaryWithDerivative = byName(UNARY_WITH_DERIVATIVE, (op) => mapBoth(unaryFunctions[op].withDerivative));
const binary = byName(BINARY, (op) => combine(binaryFunctions[op].simd));
const binaryScalar = byName(BINARY, (op) => combineScalar(binaryFunctions[op].simd));

export function simdElementwise({ memory }: Heap, variant: Variant): ElementwiseKernels {
  return {
    unary: instantiate(memory, variant, unary),
    unaryGrad: instantiate(memory, variant, unaryGrad),
    unaryWithDerivative: instantiate(memory, variant, unaryWithDerivative),
    binary: instantiate(memory, variant, binary),
    binaryScalar: instantiate(memory, variant, binaryScalar),
  };
}
