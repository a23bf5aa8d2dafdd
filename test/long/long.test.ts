import { describe, expect, it } from "vitest";
import { UNARY_GRAD } from "../../src/tensor/index.ts";
import { CHECKS } from "./checks.ts";
import { Block, exactDerivative, exactUnary, ROUNDED } from "./exact.ts";
import { type Bound, measure, noError, ulp } from "./meter.ts";
import { PORTABLE, samplePortable } from "./portable.ts";
import { BLOCK, merge, Sweep } from "./sweep.ts";
import { isBroken, table } from "./table.ts";
import { Target } from "./target.ts";

const { NaN: NAN, POSITIVE_INFINITY: INF } = Number;
const BOUND: Bound = { unit: "ulp", sizeOf: ulp, most: 2 };

/** The measured error if f(1) is `exact` and a kernel gives `got`. */
function errorOf(got: number, exact: number, bound = BOUND): number {
  const worst = [noError()];
  const block = (value: number) => Float32Array.of(value);
  measure(block(1), block(got), block(exact), () => Float64Array.of(exact), [bound], worst);
  return worst[0].error;
}

/** The first bit pattern of the block of n numbers that x is in. */
const blockOf = (x: number, n = BLOCK): number => {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0];
  return bits - (bits % n);
};
const numbersFrom = (first: number, n: number): Float32Array =>
  new Float32Array(Uint32Array.from({ length: n }, (_, i) => first + i).buffer);

describe("a measured error", () => {
  it("is 0 where the exact value was rounded once", () => {
    expect(errorOf(Math.fround(0.1), 0.1)).toBe(0);
    expect(errorOf(NAN, NAN)).toBe(0);
    expect(errorOf(INF, 1e300)).toBe(0);
    expect(errorOf(-0, -1e-300)).toBe(0);
  });

  it("counts neighbours, also of subnormal numbers, and by the smaller spacing below a power of two", () => {
    expect(errorOf(1 + 3 * 2 ** -23, 1)).toBe(3);
    expect(errorOf(1 - 2 ** -24, 1)).toBe(0.5);
    expect(errorOf(1, 1 - 2 ** -24)).toBe(1);
    expect(errorOf(5 * 2 ** -149, 2 ** -149)).toBe(4);
  });

  it("is ∞ for NaN instead of a number, a number instead of NaN, ∞ instead of a number, and a zero of the wrong sign", () => {
    for (const [got, exact] of [[NAN, 1], [1, NAN], [INF, 1], [1, INF], [-INF, INF], [0, -0], [-0, 0]]) {
      expect(errorOf(got, exact), `${got} for ${exact}`).toBe(INF);
    } // biome-ignore format: pairs
  });

  it("accepts a result of 0 only where the bound does", () => {
    const flushing: Bound = { ...BOUND, mayBeZero: (y) => y < 2 ** -126 };
    expect(errorOf(0, 2 ** -127, flushing)).toBe(0);
    expect(errorOf(0, 2 ** -127)).toBe(2 ** 22);
    expect(errorOf(0, 2 ** -126, flushing)).toBe(2 ** 23);
  });
});

describe("exact values of a block", () => {
  const functions = [
    ...ROUNDED.map((op) => [op, exactUnary(op)] as const),
    ...UNARY_GRAD.map((op) => [`${op}′`, exactDerivative(op)] as const),
  ];

  it.each(functions)("of %s are those of each number, whether or not the ends determine the block", (_, f) => {
    const n = 256;
    const target = new Target(n);
    const each = new Float64Array(n);
    const sizes = [0, 1e-30, 1e-5, 0.3, 0.75, 1.4, 5, 60, 88, 100, 104, 1e5, 3e38, INF];
    for (const x of sizes.flatMap((size) => [size, -size])) {
      const block = new Block(numbersFrom(blockOf(x, n), n));
      f(block, each);
      target.aim(f, block);
      expect(target.rounded, `at ${x}`).toEqual(Float32Array.from(each));
      expect(target.exact(), `at ${x}`).toEqual(each);
    }
  });
});

describe("a sweep", () => {
  it("over a few blocks of every exponent and sign keeps every bound, with fast and strict kernels", () => {
    const sweep = new Sweep(CHECKS);
    for (let exponent = 0; exponent < 512; exponent += 7)
      sweep.block(exponent * 2 ** 23 + ((37 * exponent) % 128) * BLOCK);
    for (const size of [0, 0.75, 2, 17, 87.5, 103]) for (const x of [size, -size]) sweep.block(blockOf(x));
    const rows = sweep.results.map((result) => ({
      ...result,
      bounds: CHECKS.find(({ name }) => name === result.check)!.bounds,
    }));
    expect(rows.filter(isBroken), table(rows)).toEqual([]);
    expect(rows.every(({ checked }) => checked > 20 * BLOCK)).toBe(true);
  });

  it("finds a kernel that is wrong at one number, and a bound that is too small", () => {
    const tanh = CHECKS.find(({ name }) => name === "tanh")!;
    const [wrongAtOne, tooSmall] = [
      { ...tanh, name: "wrong" },
      { ...tanh, name: "close", bounds: [{ ...BOUND, most: 1 }] },
    ];
    const sweep = new Sweep([
      { ...wrongAtOne, run: (kernels, at) => {
          tanh.run(kernels, at);
          kernels.fill(1, NAN, at.out + 4 * 1000);
        } },
      tooSmall,
    ]); // biome-ignore format: short
    sweep.block(blockOf(0.64));
    const [wrong, , close] = sweep.results;
    expect(wrong.worst[0]).toMatchObject({ error: INF, x: numbersFrom(blockOf(0.64), BLOCK)[1000], got: NAN });
    expect(isBroken({ ...wrong, bounds: tanh.bounds })).toBe(true);
    expect(isBroken({ ...close, bounds: tooSmall.bounds })).toBe(true);
    expect(isBroken({ ...close, bounds: tanh.bounds })).toBe(false);
  });

  it("of two threads is the sum of both", () => {
    const checks = CHECKS.filter(({ name }) => name === "exp");
    const [a, b, both] = [new Sweep(checks), new Sweep(checks), new Sweep(checks)];
    const [one, two] = [blockOf(0.3), blockOf(-50)];
    a.block(one);
    b.block(two);
    both.block(one);
    both.block(two);
    merge(a.results, b.results);
    expect(a.results).toEqual(both.results);
  });
});

it.each(PORTABLE.map((check) => [check.name, check] as const))("%s keeps its bound on 2,000 numbers", (_, check) => {
  const row = samplePortable(check, 2000);
  expect(row.worst[0].error).toBeGreaterThan(0.4);
  expect(isBroken(row), table([row])).toBe(false);
});
