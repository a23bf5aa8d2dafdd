import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simdElementwise } from "../../../../src/tensor/kernels/elementwise/simd.ts";
import type { Ptr } from "../../../../src/tensor/kernels/ptr.ts";
import { BINARY, type BinaryOp } from "../../../../src/tensor/kernels/scalar/binary.ts";
import {
  isForPositive,
  UNARY,
  UNARY_GRAD,
  UNARY_WITH_DERIVATIVE,
  type UnaryGradOp,
  type UnaryOp,
  unaryFunctions,
} from "../../../../src/tensor/kernels/scalar/unary.ts";
import { boundsOf, derivativeBoundsOf } from "../../../long/bounds.ts";
import { type Bound, errorOf } from "../../../long/meter.ts";
import { heap, oracle, run, sameBits, sameNumbers, uniform, VARIANTS } from "../arena.ts";

type Map1 = (n: number, x: Ptr, out: Ptr) => void;
type Numbers = ArrayLike<number>;

const INF = Number.POSITIVE_INFINITY;
const MAX = 3.4028234663852886e38; // the largest float32
const LEAST = 2 ** -149; // the smallest
const SPECIALS = [0, -0, 1, -1, LEAST, -LEAST, 2 ** -126, -(2 ** -126), 1e4, -1e4, 3e38, -3e38, MAX, -MAX, INF, -INF];

const apply = (kernel: Map1, x: Numbers): Float32Array =>
  run([x], [x.length], ([px], [out]) => kernel(x.length, px, out))[0];
const one = (kernel: Map1, x: number): number => apply(kernel, [x])[0];

/** Every `step`-th float32 from one number to another of the same sign, both included. */
function floats(from: number, to: number, step: number): Float32Array {
  const [first, last] = new Int32Array(Float32Array.of(from, to).buffer);
  const bits = Int32Array.from({ length: Math.ceil((last - first) / step) + 1 }, (_, i) =>
    Math.min(last, first + i * step),
  );
  return new Float32Array(bits.buffer);
}
/** About 160,000 numbers of all sizes, most of them where exp neither vanishes nor overflows. */
const both = (...ranges: [number, number, number][]): Float32Array[] =>
  ranges.flatMap(([from, to, step]) => [floats(from, to, step), floats(-from, -to, step)]);
const EVERYWHERE = both([LEAST, 2 ** -20, 65537], [2 ** -20, 104, 3001], [104, MAX, 65537]);

/** Fails where a result is farther from f than a bound allows. */
function expectWithin(x: Float32Array, got: Float32Array, f: (x: number) => number, bounds: readonly Bound[]): void {
  got.forEach((result, i) => {
    const y = f(x[i]);
    if (Object.is(result, Math.fround(y))) return;
    for (const bound of bounds) {
      const error = errorOf(result, y, x[i], bound);
      if (error > bound.most) expect.fail(`${result} instead of ${y} for ${x[i]}: ${error} ${bound.unit}`);
    }
  });
}

describe.each(VARIANTS)("element-wise kernels, %o:", (variant) => {
  const kernels = simdElementwise(heap, variant);
  const { unary, unaryGrad, binary, binaryScalar } = kernels;
  const gradient = (op: UnaryGradOp, x: Numbers, g: Numbers): Float32Array =>
    run([x, g], [x.length], ([px, pg], [out]) => unaryGrad[op](x.length, px, pg, out))[0];
  const derivative = (op: UnaryGradOp, x: Numbers) => gradient(op, x, new Float32Array(x.length).fill(1));

  test.each(UNARY)("%s errs by no more than is claimed, near 1 and for subnormal numbers too", (op) => {
    const inputs = isForPositive(op) ? [floats(LEAST, MAX, 30011), floats(0.5, 2, 301)] : EVERYWHERE;
    for (const x of inputs) expectWithin(x, apply(unary[op], x), unaryFunctions[op].plain, boundsOf(op));
  });

  test.each(UNARY_GRAD)("the derivative of %s errs by no more than is claimed", (op) => {
    const { plain } = unaryFunctions[op].derivative;
    for (const x of EVERYWHERE) expectWithin(x, derivative(op, x), plain, derivativeBoundsOf(op));
  });

  test.each(UNARY_GRAD)("the gradient of %s is g times the derivative, rounded once", (op) => {
    for (const x of EVERYWHERE) {
      const g = uniform(x.length, 7);
      const want = derivative(op, x).map((slope, i) => slope * g[i]);
      expect(sameBits(gradient(op, x, g), want)).toBe(true);
    }
  });

  test.each(UNARY_WITH_DERIVATIVE)(
    "%s with its derivative has the bits of either kernel, also where the derivative overwrites x",
    (op) => {
      const both = kernels.unaryWithDerivative[op];
      for (const x of [...EVERYWHERE, uniform(67, 1, 8), Float32Array.of(Number.NaN, INF, -INF, 16, -16)]) {
        const n = x.length;
        const [y, slope] = run([x], [n, n], ([px], [out, d]) => both(n, px, out, d));
        const [over] = run([x], [n], ([px], [d]) => {
          oracle.copy(n, px, d);
          const spare = heap.allocate(4 * n);
          both(n, d, spare, d);
          heap.release(spare, 4 * n);
        });
        expect(sameNumbers(y, apply(unary[op], x))).toBe(true);
        expect(sameNumbers(slope, derivative(op, x))).toBe(true);
        expect(sameNumbers(over, slope)).toBe(true);
      }
    },
  );

  test("limits are exact", () => {
    const table: [UnaryOp, number, number][] = [
      ...([[-INF, 0], [INF, INF], [-3e38, 0], [3e38, INF], [-104, 0], [0, 1], [-0, 1]] as const).map(
        ([x, y]): [UnaryOp, number, number] => ["exp", x, y],
      ),
      ["log", 0, -INF], ["log", -0, -INF], ["log", INF, INF], ["log", 1, 0], ["log", -1, Number.NaN], ["log", -INF, Number.NaN],
      ["tanh", INF, 1], ["tanh", -INF, -1], ["tanh", 3e38, 1], ["tanh", -3e38, -1], ["tanh", 0, 0], ["tanh", -0, -0], ["tanh", LEAST, LEAST],
      ["sigmoid", INF, 1], ["sigmoid", -INF, 0], ["sigmoid", 0, 0.5], ["sigmoid", 3e38, 1], ["sigmoid", -3e38, 0], ["sigmoid", -103, LEAST],
      ["softplus", INF, INF], ["softplus", -INF, 0], ["softplus", 1e4, 1e4], ["softplus", 3e38, 3e38], ["softplus", -1e4, 0],
      ["logSigmoid", INF, 0], ["logSigmoid", -INF, -INF], ["logSigmoid", -1e4, -1e4], ["logSigmoid", -3e38, -3e38], ["logSigmoid", 1e4, 0],
      ["gelu", INF, INF], ["gelu", -INF, -0], ["gelu", 3e38, 3e38], ["gelu", -3e38, -0], ["gelu", 20, 20], ["gelu", -20, -0], ["gelu", 0, 0], ["gelu", -0, -0],
      ["geluErf", INF, INF], ["geluErf", -INF, -0], ["geluErf", 3e38, 3e38], ["geluErf", -3e38, -0], ["geluErf", 20, 20], ["geluErf", -20, -0], ["geluErf", 0, 0], ["geluErf", -0, -0],
    ]; // biome-ignore format: a function a line
    for (const [op, x, y] of table) expect(one(unary[op], x), `${op}(${x})`).toBe(Math.fround(y));
  });

  test("limits of derivatives are exact and never NaN", () => {
    const far = [1e4, 3e38, INF];
    const near = (op: UnaryGradOp, sign: number) =>
      [
        ...derivative(
          op,
          far.map((x) => sign * x),
        ),
      ].map((y) => y + 0);
    for (const [op, below, above] of [
      ["tanh", 0, 0],
      ["sigmoid", 0, 0],
      ["softplus", 0, 1],
      ["logSigmoid", 1, 0],
      ["gelu", 0, 1],
      ["geluErf", 0, 1],
    ] as const) {
      expect(near(op, -1), op).toEqual([below, below, below]);
      expect(near(op, 1), op).toEqual([above, above, above]);
    }
  });

  test("NaN stays NaN, whatever its bits, and only log and sqrt give NaN for a number", () => {
    const nan = new Float32Array(Uint32Array.of(0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x7fabcdef).buffer);
    for (const op of UNARY) {
      expect([...apply(unary[op], nan)], op).toEqual(new Array(nan.length).fill(Number.NaN));
      const numbers = isForPositive(op) ? SPECIALS.filter((x) => x >= 0) : SPECIALS;
      expect([...apply(unary[op], numbers)].filter(Number.isNaN), op).toEqual([]);
    }
    for (const op of UNARY_GRAD) expect([...derivative(op, nan)], op).toEqual(new Array(nan.length).fill(Number.NaN));
  });

  test("exp and sigmoid are monotone below −87, down to the last subnormal number", () => {
    const x = floats(-87, -104, 19);
    for (const op of ["exp", "sigmoid"] as const) {
      const y = apply(unary[op], x);
      expect(y.findIndex((value, i) => i > 0 && value > y[i - 1])).toBe(-1);
      expect(y[0]).toBeGreaterThan(0);
      expect(y[y.length - 1]).toBe(0);
      expect(y[y.findLastIndex((value) => value > 0)]).toBe(LEAST);
    }
  });

  test("sigmoid lies in [0, 1], tanh in [−1, 1]", () => {
    for (const x of EVERYWHERE) {
      expect(apply(unary.sigmoid, x).every((y) => y >= 0 && y <= 1)).toBe(true);
      expect(apply(unary.tanh, x).every((y) => y >= -1 && y <= 1)).toBe(true);
    }
  });

  const anyFloat = fc.oneof(fc.float(), fc.constantFrom(...SPECIALS), fc.float({ min: -8, max: 8 }));
  const pairs = fc.array(fc.tuple(anyFloat, anyFloat), { minLength: 1, maxLength: 70 });
  const EXACT_UNARY = ["neg", "abs", "sign", "square", "sqrt"] as const;
  const equal = (got: Float32Array, want: Float32Array): void => {
    expect([...got]).toEqual([...want]);
  };

  test.each(EXACT_UNARY)("%s equals JavaScript rounded to f32, signs of zero included", (op) => {
    fc.assert(fc.property(fc.array(anyFloat), (x) => equal(apply(unary[op], x), apply(oracle.unary[op], x))));
  });

  test.each(BINARY)("%s equals JavaScript rounded to f32, with a row and with a number", (op) => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 0, max: 3 }), (values, rows) => {
        const b = values.map((pair) => pair[1]);
        const a = Array.from({ length: rows }, (_, i) => values.map((pair) => pair[0] * (i + 1))).flat();
        const rowwise = (set: { readonly binary: typeof binary }) =>
          run([a, b], [a.length], ([pa, pb], [out]) => set.binary[op](rows, b.length, pa, pb, out))[0];
        equal(rowwise(kernels), rowwise(oracle));
        const scalar = (set: { readonly binaryScalar: typeof binaryScalar }) =>
          apply((n, x, out) => set.binaryScalar[op](n, x, b[0], out), a);
        equal(scalar(kernels), scalar(oracle));
      }),
    );
  });

  const UNARY_FORMS = UNARY.map((op): [string, Map1] => [op, unary[op]]);
  const GRAD_FORMS = UNARY_GRAD.map((op): [string, Map1] => [
    `gradient of ${op}`,
    (n, x, out) => unaryGrad[op](n, x, x, out),
  ]);
  const SCALAR_FORMS = BINARY.map((op: BinaryOp): [string, Map1] => [
    `${op} a number`,
    (n, x, out) => binaryScalar[op](n, x, 0.3, out),
  ]);
  const BINARY_FORMS = BINARY.map((op: BinaryOp): [string, Map1] => [
    `${op} itself`,
    (n, x, out) => binary[op](1, n, x, x, out),
  ]);
  const FORMS = [...UNARY_FORMS, ...GRAD_FORMS, ...SCALAR_FORMS, ...BINARY_FORMS];

  test.each(FORMS)(
    "%s of 0 to 67 numbers at any address is what each of them gives alone, also in place",
    (_, kernel) => {
      const x = uniform(67, 5, 6);
      const alone = Float32Array.from(x, (value) => one(kernel, value));
      for (let n = 0; n <= x.length; n++) {
        for (let offset = 0; offset < 4; offset++) {
          // The arena checks that nothing outside the output changes; a longer first input moves the rest by 4 bytes.
          const [apart, inPlace] = run([new Float32Array(offset), x.subarray(0, n)], [n, n], ([, px], [out, over]) => {
            kernel(n, px, out);
            oracle.copy(n, px, over);
            kernel(n, over, over);
          });
          expect(sameBits(apart, alone.subarray(0, n)), `n = ${n}, offset ${offset}`).toBe(true);
          expect(sameBits(inPlace, alone.subarray(0, n)), `n = ${n}, offset ${offset}, in place`).toBe(true);
        }
      }
    },
  );
});
