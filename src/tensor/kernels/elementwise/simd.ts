/**
 * The element-wise kernels: a formula on four numbers, carried along a row.
 *
 * Every number goes through the same vector formula, so a result does not depend on where in an array it stands; an output
 * may lie on an input that starts at the same address. +, −, ·, /, √, min and max are rounded once, as IEEE 754 says.
 */
import type { Heap } from "../../heap.ts";
import { type Expr, func, type Local, seq, type Variant } from "../../wasm/assembler.ts";
import {
  abs, add, bitselect, div, f32, f32x4, f64x2, gt, i32, i32x4, lane, madd, max, memoryCopy, min, mul, neg, pmax,
  shuffle, sqrt, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { instantiate } from "../../wasm/module.ts";
import { alongRow, eachRow, vectors } from "../../wasm/rows.ts";
import { adamWKernel } from "../adamW/simd.ts";
import type { Kernels } from "../kernels.ts";
import { exp, log } from "../scalar/exp.ts";
import * as activations from "../scalar/simd.ts";

type F32x4 = Expr<"f32x4">;
type X = Local<"f32x4">;

const UNROLL = 4; // vectors in flight

/** out = f(x) */
const map = (f: (x: X) => F32x4) =>
  func([i32, i32, i32], (n, x, out) =>
    alongRow(n, UNROLL, [x, out], (lanes) => {
      const v = vectors(lanes.length);
      return [
        lanes.map((at, i) => v[i].set(at.load(x))),
        lanes.map((_, i) => v[i].set(f(v[i]))),
        lanes.map((at, i) => at.store(out, v[i])),
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
        lanes.map((at, i) => at.store(out, v[i])),
      ];
    }),
  );

const geluWithDerivative = func([i32, i32, i32, i32], (n, x, out, derivative) =>
  alongRow(n, UNROLL, [x, out, derivative], (lanes) => {
    const v = vectors(lanes.length);
    const y = vectors(lanes.length);
    const parts = v.map(activations.geluWithDerivative);
    return [
      lanes.map((at, i) => v[i].set(at.load(x))),
      parts.map(({ code }) => code),
      parts.map(({ value }, i) => y[i].set(value)),
      parts.map(({ derivative }, i) => v[i].set(derivative)),
      lanes.map((at, i) => at.store(out, y[i])),
      lanes.map((at, i) => at.store(derivative, v[i])),
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
        return [
          lanes.map((lane, i) => v[i].set(f(lane.load(a), lane.load(at)))),
          lanes.map((lane, i) => lane.store(out, v[i])),
        ];
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
        return [lanes.map((at, i) => v[i].set(f(at.load(a), b))), lanes.map((at, i) => at.store(out, v[i]))];
      }),
    ];
  });

const fill = func([i32, f32, i32], (n, value, out) => {
  const v = f32x4.local();
  return [v.set(f32x4.splat(value)), alongRow(n, UNROLL, [out], (lanes) => lanes.map((at) => at.store(out, v)))];
});

const copy = func([i32, i32, i32], (n, x, out) => memoryCopy(out, x, mul(n, 4)));

/** Σ f(x, total) in f64: eight pairs of totals, each over every 16th number. */
const total = (accumulate: (x: Local<"f64x2">, total: Expr<"f64x2">) => Expr<"f64x2">) =>
  func([i32, i32], (n, x) => {
    const pairs = () => Array.from({ length: UNROLL }, () => f64x2.local());
    const [low, high] = [pairs(), pairs()];
    const x2 = f64x2.local();
    const v = f32x4.local();
    const sum = (terms: readonly Expr<"f64x2">[]) => terms.reduce((a, b) => add(a, b));
    return seq(
      [
        alongRow(n, UNROLL, [x], (lanes) =>
          lanes.map((at, i) => [
            v.set(at.load(x)),
            x2.set(f64x2.promoteLow(v)),
            low[i].set(accumulate(x2, low[i])),
            x2.set(f64x2.promoteLow(shuffle(v, v, [2, 3, 2, 3]))),
            high[i].set(accumulate(x2, high[i])),
          ]),
        ),
        x2.set(add(sum(low), sum(high))),
      ],
      add(lane(x2, 0), lane(x2, 1)),
    );
  });

const ONE = f32x4.const(1);
const SIGN = i32x4.const(0x80000000);

const unary = {
  neg: map(neg),
  abs: map(abs),
  sign: map((x) => bitselect(gt(abs(x), 0), bitselect(SIGN, x, ONE), x)), // ±0 and NaN stay
  square: map((x) => mul(x, x)),
  sqrt: map(sqrt),
  reciprocal: map((x) => div(ONE, x)),
  exp: map(exp),
  log: map(log),
  tanh: map(activations.tanh),
  sigmoid: map(activations.sigmoid),
  logSigmoid: map(activations.logSigmoid),
  softplus: map(activations.softplus),
  relu: map((x) => add(pmax(x, 0), 0)), // + 0 makes −0 into 0; NaN stays
  gelu: map(activations.gelu),
};

const unaryGrad = {
  tanh: chain(activations.tanhDerivative),
  sigmoid: chain(activations.sigmoidDerivative),
  logSigmoid: chain(activations.logSigmoidDerivative),
  softplus: chain(activations.softplusDerivative),
  gelu: chain(activations.geluDerivative),
};

const both = <T>(make: (f: Formula) => T) => ({
  add: make(add),
  sub: make(sub),
  mul: make(mul),
  div: make(div),
  maximum: make(max),
  minimum: make(min),
});

const binary = both(combine);
const binaryScalar = both(combineScalar);
const sums = {
  sum: total((x, sum) => add(sum, x)),
  sumSquares: total((x, sum) => madd(x, x, sum)), // the square of an f32 is exact in f64: fused or not, the same
};

type Elementwise = Pick<
  Kernels,
  | "unary"
  | "unaryGrad"
  | "geluWithDerivative"
  | "binary"
  | "binaryScalar"
  | "fill"
  | "copy"
  | "sum"
  | "sumSquares"
  | "adamW"
>;

export function elementwiseKernels({ memory }: Heap, variant: Variant): Elementwise {
  return {
    unary: instantiate(memory, variant, unary),
    unaryGrad: instantiate(memory, variant, unaryGrad),
    binary: instantiate(memory, variant, binary),
    binaryScalar: instantiate(memory, variant, binaryScalar),
    ...instantiate(memory, variant, { geluWithDerivative, fill, copy, ...sums }),
    adamW: adamWKernel(memory, variant),
  };
}
