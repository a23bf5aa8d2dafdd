import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  call,
  drop,
  type Expr,
  func,
  type Operand,
  seq,
  signed,
  type Type,
  unsigned,
} from "../../../src/tensor/wasm/assembler.ts";
import * as I from "../../../src/tensor/wasm/instructions.ts";
import { doWhile, inc, loopWhile, range, when } from "../../../src/tensor/wasm/loops.ts";
import { encode, instantiate, supports } from "../../../src/tensor/wasm/module.ts";
import * as small from "../../../src/tensor/wasm/smallIntegers.ts";

const { f32, f32x4, f64, f64x2, i16x8, i32, i32x4, i64x2, store } = I;
const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
const plain = { fma: false };
const F32 = new Float32Array(memory.buffer);
const F64 = new Float64Array(memory.buffer);
const I32 = new Int32Array(memory.buffer);
const [A, B, C, OUT] = [64, 128, 192, 256]; // addresses
const out = i32.const(OUT);

const NUMBERS = [-2.5, -0, 0.5, 3.5, 1e-3, 7, -1, 2];
const INTEGERS = [-7, 0, 5, 2147483647, 1, -1, 3, 12];

type Value = Exclude<Type, "i16x8" | "i64x2">;
const KIND = {
  i32: { lanes: 1, view: I32, load: i32.load },
  f32: { lanes: 1, view: F32, load: f32.load },
  f64: { lanes: 1, view: F64, load: f64.load },
  f32x4: { lanes: 4, view: F32, load: f32x4.load },
  f64x2: { lanes: 2, view: F64, load: f64x2.load },
  i32x4: { lanes: 4, view: I32, load: i32x4.load },
};
const isInteger = (type: Value): boolean => type.startsWith("i");
const narrow = (type: Value, x: number): number =>
  isInteger(type) ? x | 0 : type.startsWith("f32") ? Math.fround(x) : x;

function put(type: Value, at: number, values: readonly number[]): number[] {
  const { lanes, view } = KIND[type];
  const kept = values.slice(0, lanes).map((x) => narrow(type, x));
  view.set(kept, at / view.BYTES_PER_ELEMENT);
  return kept;
}
function get(type: Value, at = OUT): number[] {
  const { lanes, view } = KIND[type];
  return [...view.subarray(at / view.BYTES_PER_ELEMENT, at / view.BYTES_PER_ELEMENT + lanes)];
}

/** Runs one expression over operands in memory and returns the lanes of its value. */
function evaluate(value: Expr<Value>, variant = plain): number[] {
  instantiate(memory, variant, { run: func([], () => store(out, value)) }).run();
  return get(value.type);
}
const operand = <T extends Value>(type: T, at: number): Expr<T> => KIND[type].load(i32.const(at)) as unknown as Expr<T>;
const samples = (type: Value, shift = 0): number[] => {
  const all = isInteger(type) ? INTEGERS : NUMBERS;
  return [...all.slice(shift), ...all.slice(0, shift)];
};

type UnaryCase = [name: string, types: Value[], wasm: (a: never) => Expr<Type>, js: (x: number) => number];
const halfToEven = (x: number): number => {
  const down = Math.floor(x);
  const odd = down % 2 !== 0;
  const near = x - down < 0.5 || (x - down === 0.5 && !odd) ? down : down + 1;
  return near === 0 && (x < 0 || Object.is(x, -0)) ? -0 : near;
};
const FLOATS: Value[] = ["f32", "f64", "f32x4", "f64x2"];
const VECTORS: Value[] = ["f32x4", "f64x2"];
const UNARY: UnaryCase[] = [
  ["abs", [...FLOATS, "i32x4"], I.abs, Math.abs],
  ["neg", [...FLOATS, "i32x4"], I.neg, (x) => -x],
  ["ceil", FLOATS, I.ceil, Math.ceil],
  ["floor", FLOATS, I.floor, Math.floor],
  ["trunc", FLOATS, I.trunc, Math.trunc],
  ["nearest", FLOATS, I.nearest, halfToEven],
  ["sqrt", FLOATS, I.sqrt, Math.sqrt],
  ["not", ["i32x4"], I.not, (x) => ~x],
];

type BinaryCase = [
  name: string,
  types: Value[],
  wasm: (a: never, b: never) => Expr<Type>,
  js: (x: number, y: number) => number,
];
const BINARY: BinaryCase[] = [
  ["add", [...FLOATS, "i32", "i32x4"], I.add, (x, y) => x + y],
  ["sub", [...FLOATS, "i32", "i32x4"], I.sub, (x, y) => x - y],
  ["mul", FLOATS, I.mul, (x, y) => x * y],
  ["mul", ["i32", "i32x4"], I.mul, Math.imul],
  ["div", FLOATS, I.div, (x, y) => x / y],
  ["div", ["i32"], I.div, (x, y) => Math.trunc(x / y)],
  ["min", [...FLOATS, "i32x4"], I.min, Math.min],
  ["max", [...FLOATS, "i32x4"], I.max, Math.max],
  ["pmin", VECTORS, I.pmin, (x, y) => (y - x < 0 ? y : x)],
  ["pmax", VECTORS, I.pmax, (x, y) => (x - y < 0 ? y : x)],
  ["and", ["i32", "i32x4"], I.and, (x, y) => x & y],
  ["or", ["i32", "i32x4"], I.or, (x, y) => x | y],
];

type CompareCase = [name: string, wasm: (a: never, b: never) => Expr<Type>, js: (x: number, y: number) => boolean];
const COMPARE: CompareCase[] = [
  ["eq", I.eq, (x, y) => x === y],
  ["lt", I.lt, (x, y) => x < y],
  ["gt", I.gt, (x, y) => x > y],
  ["ge", I.ge, (x, y) => x >= y],
];
const ALL: Value[] = [...FLOATS, "i32", "i32x4"];

describe("every instruction equals JavaScript:", () => {
  for (const [name, types, wasm, js] of UNARY) {
    for (const type of types) {
      test(`${name} on ${type}`, () => {
        for (const shift of [0, 3, 4]) {
          const a = put(type, A, samples(type, shift));
          expect(evaluate(wasm(operand(type, A) as never) as Expr<Value>)).toEqual(a.map((x) => narrow(type, js(x))));
        }
      });
    }
  }
  for (const [name, types, wasm, js] of BINARY) {
    for (const type of types) {
      test(`${name} on ${type}`, () => {
        for (const [shift, other] of [
          [0, 4],
          [3, 2],
          [4, 5],
          [5, 4],
        ]) {
          // biome-ignore format: pairs
          const a = put(type, A, samples(type, shift));
          const b = put(type, B, samples(type, other));
          const value = wasm(operand(type, A) as never, operand(type, B) as never) as Expr<Value>;
          expect(evaluate(value)).toEqual(a.map((x, i) => narrow(type, js(x, b[i]))));
        }
      });
    }
  }
  for (const [name, wasm, js] of COMPARE) {
    for (const type of ALL) {
      test(`${name} on ${type}`, () => {
        const { lanes } = KIND[type];
        for (const [shift, other] of [
          [0, 0],
          [1, 3],
          [4, 2],
        ]) {
          // biome-ignore format: pairs
          const a = put(type, A, samples(type, shift));
          const b = put(type, B, samples(type, other));
          const mask = wasm(operand(type, A) as never, operand(type, B) as never);
          const bits =
            mask.type === "i64x2" ? i32x4.reinterpret(mask as Expr<"i64x2">) : (mask as Expr<"i32" | "i32x4">);
          const truth = a.map((x, i) => (js(x, b[i]) ? 1 : 0));
          const expected = lanes === 1 ? truth : truth.flatMap((x) => new Array(4 / lanes).fill(-x || 0));
          expect(evaluate(bits)).toEqual(expected);
        }
      });
    }
  }

  test("shifts", () => {
    const a = put("i32x4", A, INTEGERS);
    const n = i32.const(3);
    for (const [wasm, js] of [
      [I.shl, (x: number) => x << 3],
      [I.shr, (x: number) => x >> 3],
      [I.shrU, (x: number) => (x >>> 3) | 0],
    ] as const) {
      expect(evaluate(wasm(i32x4.load(i32.const(A)), n))).toEqual(a.map(js));
      expect(evaluate(wasm(i32.load(i32.const(A)), 3))).toEqual([js(a[0])]);
    }
  });

  test("madd and nmadd, as product and sum", () => {
    for (const type of ["f32x4", "f64x2"] as const) {
      const a = put(type, A, NUMBERS);
      const b = put(type, B, samples(type, 2));
      const c = put(type, C, samples(type, 4));
      const [va, vb, vc] = [A, B, C].map((at) => operand(type, at));
      const product = a.map((x, i) => narrow(type, x * b[i]));
      expect(evaluate(I.madd(va, vb, vc))).toEqual(product.map((x, i) => narrow(type, x + c[i])));
      expect(evaluate(I.nmadd(va, vb, vc))).toEqual(product.map((x, i) => narrow(type, c[i] - x)));
    }
  });

  test("bitselect, select, anyTrue", () => {
    put("f32x4", A, [1, 2, 3, 4]);
    put("f32x4", B, [5, 6, 7, 8]);
    const [a, b] = [f32x4.load(i32.const(A)), f32x4.load(i32.const(B))];
    expect(evaluate(I.bitselect(i32x4.const(-1, 0, -1, 0), a, b))).toEqual([1, 6, 3, 8]);
    expect(evaluate(I.bitselect(i64x2.const(0, -1), f64x2.const(1, 2), f64x2.const(3, 4)))).toEqual([3, 2]);
    expect(evaluate(I.bitselect(i32x4.const(0xff), i32x4.const(-1), 0))).toEqual([255, 255, 255, 255]);
    expect(evaluate(I.select(i32.const(1), a, b))).toEqual([1, 2, 3, 4]);
    expect(evaluate(I.select(i32.const(0), f32.const(1), 2))).toEqual([2]);
    expect(evaluate(I.anyTrue(i32x4.const(0, 0, 1, 0)))).toEqual([1]);
    expect(evaluate(I.anyTrue(i64x2.const(0)))).toEqual([0]);
    const masks = [I.and, I.or].map((f) => f(i64x2.const(-1, 0), i64x2.const(-1, -1)));
    expect(masks.map((mask) => evaluate(i32x4.reinterpret(mask))[0])).toEqual([-1, -1]);
    expect(evaluate(i32x4.reinterpret(I.not(i64x2.const(-1, 0))))).toEqual([0, 0, -1, -1]);
  });

  test("conversions", () => {
    const [min, max] = [-2147483648, 2147483647];
    put("f32x4", A, [-2.7, 1e20, Number.NaN, -1e20]);
    const a = f32x4.load(i32.const(A));
    expect(evaluate(i32x4.truncSat(a))).toEqual([-2, max, 0, min]);
    expect(evaluate(i32x4.truncSatLow(f64x2.const(-2.7, 1e20)))).toEqual([-2, max, 0, 0]);
    expect(evaluate(i32.truncSat(f32.load(i32.const(A), 4)))).toEqual([max]);
    expect(evaluate(i32.truncSat(f64.const(-2.7)))).toEqual([-2]);
    expect(evaluate(f32x4.convert(i32x4.const(1, -2, 3, max)))).toEqual([1, -2, 3, 2147483648]);
    expect(evaluate(f32.convert(i32.const(-3)))).toEqual([-3]);
    expect(evaluate(f64.convert(i32.const(max)))).toEqual([max]);
    expect(evaluate(f64.promote(f32.const(0.1)))).toEqual([Math.fround(0.1)]);
    expect(evaluate(f32.demote(f64.const(0.1)))).toEqual([Math.fround(0.1)]);
    expect(evaluate(f64x2.promoteLow(f32x4.const(0.1, 2, 3, 4)))).toEqual([Math.fround(0.1), 2]);
    expect(evaluate(f32x4.demote(f64x2.const(0.1, 2)))).toEqual([Math.fround(0.1), 2, 0, 0]);
    expect(evaluate(i32.reinterpret(f32.const(1)))).toEqual([0x3f800000]);
    expect(evaluate(f32.reinterpret(i32.const(0x3f800000)))).toEqual([1]);
    expect(evaluate(f32x4.reinterpret(i32x4.const(0x3f800000)))).toEqual([1, 1, 1, 1]);
    expect(evaluate(f64x2.reinterpret(i32x4.const(0, 0x3ff00000)))).toEqual([1, 1]);
    expect(evaluate(i32x4.reinterpret(i64x2.reinterpret(f32x4.const(0, 1, 0, 1))))).toEqual([
      0, 0x3f800000, 0, 0x3f800000,
    ]);
  });

  test("splats, lanes and shuffles", () => {
    expect(evaluate(f32x4.splat(f32.const(0.5)))).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(evaluate(f64x2.splat(f64.const(0.1)))).toEqual([0.1, 0.1]);
    expect(evaluate(i32x4.splat(i32.const(-9)))).toEqual([-9, -9, -9, -9]);
    expect(evaluate(I.lane(f32x4.const(1, 2, 3, 4), 2))).toEqual([3]);
    expect(evaluate(I.lane(f64x2.const(1, 2), 1))).toEqual([2]);
    expect(evaluate(I.lane(i32x4.const(1, 2, 3, 4), 3))).toEqual([4]);
    expect(evaluate(I.shuffle(f32x4.const(0, 1, 2, 3), f32x4.const(4, 5, 6, 7), [7, 0, 2, 5]))).toEqual([7, 0, 2, 5]);
    expect(evaluate(I.shuffle(f64x2.const(0, 1), f64x2.const(2, 3), [3, 0]))).toEqual([3, 0]);
    expect(evaluate(I.shuffle(i32x4.const(0, 1, 2, 3), i32x4.const(4, 5, 6, 7), [4, 1, 5, 3]))).toEqual([4, 1, 5, 3]);
  });

  test("products of integers of 16 bits, and bytes with their sign", () => {
    new Int16Array(memory.buffer, A, 8).set([1, -2, 3, 4, -32768, -32768, 0, 7]);
    new Int8Array(memory.buffer, B, 9).set([9, 1, 2, -3, 127, -128, -128, 5, -1]);
    const a = i16x8.load(i32.const(A));
    expect(evaluate(small.dotPairs(a, i16x8.loadBytes(i32.const(B), 1)))).toEqual([-3, 499, 2 ** 23, -7]);
    expect(evaluate(small.dotPairs(a, a))).toEqual([5, 25, -(2 ** 31), 49]);
    expect(evaluate(small.dotPairs(a, i16x8.const(1, -1)))).toEqual([3, -1, 0, -7]);
  });

  test("packBytes keeps the order and stops at the limits", () => {
    const parts = [
      i32x4.const(1, -2, 127, 128),
      i32x4.const(-128, -129, 5, 6),
      i32x4.const(7),
      i32x4.const(8),
    ] as const;
    evaluate(small.packBytes(...parts));
    const bytes = [1, -2, 127, 127, -128, -128, 5, 6, 7, 7, 7, 7, 8, 8, 8, 8];
    expect([...new Int8Array(memory.buffer, OUT, 16)]).toEqual(bytes);
  });

  test("partial loads and stores", () => {
    put("f32x4", A, [1, 2, 3, 4]);
    expect(evaluate(f32x4.loadSplat(i32.const(A), 8))).toEqual([3, 3, 3, 3]);
    expect(evaluate(f32x4.loadLow(i32.const(A), 4))).toEqual([2, 3, 0, 0]);
    expect(evaluate(I.loadLane(i32.const(A), f32x4.const(9), 2, 12))).toEqual([9, 9, 4, 9]);
    put("f32x4", OUT, [0, 0, 0, 0]);
    const value = f32x4.load(i32.const(A));
    instantiate(memory, plain, {
      run: func([], () => I.storeLane(out, value, 3, 12)),
    }).run();
    expect(get("f32x4")).toEqual([0, 0, 0, 4]);
  });

  test("bytes and integers of 16 bits", () => {
    const words = (...numbers: number[]) => i32x4.const(...(numbers as [number, ...number[]]));
    const pair = (low: number, high: number): number => (low & 0xffff) | (high << 16);
    const a = i16x8.reinterpret(words(pair(1, -2), pair(32767, 32767), pair(-32768, 5), 0));
    const b = i16x8.reinterpret(words(pair(3, 4), pair(32767, 32767), pair(-32768, -1), 9));
    expect(evaluate(small.dotPairs(a, b))).toEqual([-5, 2 * 32767 ** 2, 2 ** 30 - 5, 0]);
    expect(evaluate(small.packBytesU(words(-5, 0, 255, 256), words(7, 40_000, -40_000, 128)))).toEqual([
      0xffff0000 | 0, 0x8000ff07 | 0, 0, 0,
    ]); // biome-ignore format: bytes
    put("i32x4", A, [0x04030201, 0x080706ff, 0, 0]);
    expect(evaluate(i32x4.reinterpret(i16x8.loadBytesU(i32.const(A))))).toEqual([
      pair(1, 2),
      pair(3, 4),
      pair(255, 6),
      pair(7, 8),
    ]);
    const bytes = I.shuffleBytes(
      i32x4.load(i32.const(A)),
      words(-1),
      [3, 16, 0, 31, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8],
    );
    expect(evaluate(bytes)).toEqual([0xff01ff04 | 0, -1, 0, 0]);
    put("i32x4", OUT, [0, 0, 0, 0]);
    const value = i32x4.load(i32.const(A));
    instantiate(memory, plain, {
      run: func([], () => [
        small.storePart(out, value, 8, 0),
        small.storePart(out, value, 2, 2, 9), // bytes 4 and 5
        small.storePart(out, value, 1, 3, 15),
      ]),
    }).run();
    expect(get("i32x4")).toEqual([0x04030201, 0x080706ff, 0x0006ff00, 0x04000000]);
  });

  test("memoryCopy, memoryFill and a far offset", () => {
    put("f32x4", A, [1, 2, 3, 4]);
    const far = 5000; // more than one byte of LEB128
    instantiate(memory, plain, {
      run: func([], () => [
        I.memoryFill(out, 0xff, 16),
        I.memoryCopy(out, i32.const(A), 8),
        store(out, f64.const(7), far),
      ]),
    }).run();
    expect(get("f32x4")).toEqual([1, 2, Number.NaN, Number.NaN]);
    expect(F64[(OUT + far) / 8]).toBe(7);
  });
});

test.runIf(supports({ fma: true }, { f: func([], () => drop(I.madd(f32x4.const(1), 1, 1))) }))(
  "madd and nmadd round once in the fma variant",
  () => {
    const [x, big] = [1 + 2 ** -12, 1 + 2 ** -11]; // x² = big + 2^-24, lost when the product is rounded
    const fma = { fma: true };
    expect(evaluate(I.madd(f32x4.const(x), x, -big), fma)[0]).toBe(2 ** -24);
    expect(evaluate(I.nmadd(f32x4.const(x), x, big), fma)[0]).toBe(-(2 ** -24));
    expect(evaluate(I.madd(f32x4.const(x), x, -big))[0]).toBe(0);
    const [y, much] = [1 + 2 ** -27, 1 + 2 ** -26];
    expect(evaluate(I.madd(f64x2.const(y), y, -much), fma)[0]).toBe(2 ** -54);
    expect(evaluate(I.nmadd(f64x2.const(y), y, much), fma)[0]).toBe(-(2 ** -54));
  },
);

test("LEB128 decodes to the number it encodes", () => {
  const decode = (bytes: readonly number[]) => bytes.reduceRight((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (n) => {
      const bytes = unsigned(n);
      expect(decode(bytes)).toBe(n);
      expect(bytes.map((byte) => byte >> 7)).toEqual([...new Array(bytes.length - 1).fill(1), 0]);
    }),
  );
  fc.assert(
    fc.property(fc.integer(), (n) => {
      const bytes = signed(n);
      const top = bytes[bytes.length - 1] & 0x40 ? 128 ** bytes.length : 0;
      expect(decode(bytes) - top).toBe(n);
    }),
  );
  expect(evaluate(i32.const(-2147483648))).toEqual([-2147483648]);
});

test("loops, conditions, calls and locals compute what they say", () => {
  const square = func([f32], (x) => I.mul(x, x));
  const note = func([i32, i32], (at, value) => store(at, value));
  const kernels = instantiate(memory, plain, {
    sumOfSquares: func([i32, i32], (n, x) => {
      const i = i32.local();
      const total = f32.local();
      const body = [total.set(I.add(total, call(square, f32.load(x)))), inc(x, 4)];
      return seq(range(i, 0, n, 1, body), total);
    }),
    rest: func([i32], (n) => {
      const i = i32.local();
      const turns = i32.local();
      return seq([range(i, 0, I.sub(n, 3), 4, []), range(i, i, n, 1, inc(turns, 1))], turns);
    }),
    gcd: func([i32, i32], (a, b) => {
      const r = i32.local();
      return seq([loopWhile(b, [r.set(I.sub(a, I.mul(I.div(a, b), b))), a.set(b), b.set(r)])], a);
    }),
    bits: func([i32], (x) => {
      const n = i32.local();
      return seq(doWhile([inc(n, 1)], x.tee(I.shrU(x, 1))), n);
    }),
    sign: func([f64], (x) => {
      const s = i32.local();
      return seq([when(I.lt(x, 0), s.set(-1), when(I.gt(x, 0), s.set(1))), call(note, out, s)], f64.convert(s));
    }),
    forget: func([f32], (x) => [drop(call(square, x))]),
  });
  F32.set([1, 2, 3, 4, 5], A / 4);
  expect(kernels.sumOfSquares(5, A)).toBe(55);
  expect(kernels.sumOfSquares(0, A)).toBe(0);
  expect([0, 1, 3, 4, 5, 7, 8].map(kernels.rest)).toEqual([0, 1, 3, 0, 1, 3, 0]);
  expect(kernels.gcd(48, 36)).toBe(12);
  expect([1, 2, 255, -1].map(kernels.bits)).toEqual([1, 2, 8, 32]);
  expect([-3, 0, 8].map(kernels.sign)).toEqual([-1, 0, 1]);
  expect(get("i32")).toEqual([1]);
  expect(kernels.forget(1)).toBeUndefined();
});

test("the example of the file header runs", () => {
  const axpy = func([i32, f32, i32, i32], (n, a, x, y) => {
    const i = i32.local();
    const va = f32x4.local();
    return [
      va.set(f32x4.splat(a)),
      range(i, 0, n, 4, [store(y, I.madd(va, f32x4.load(x), f32x4.load(y))), inc(x, 16), inc(y, 16)]),
    ];
  });
  F32.set([1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 50, 60, 70, 80], A / 4);
  instantiate(memory, plain, { axpy }).axpy(8, 0.5, A, A + 32);
  expect([...F32.subarray(A / 4 + 8, A / 4 + 16)]).toEqual([10.5, 21, 31.5, 42, 52.5, 63, 73.5, 84]);
});

test("a vector constant is set once, before the code that uses it", () => {
  const twice = func([i32], (x) => {
    const i = i32.local();
    const half = (at: Expr<"i32">, offset: number) => store(at, I.mul(f32x4.load(at, offset), 0.5), offset);
    return range(i, 0, 4, 1, [half(x, 0), half(x, 16)]);
  });
  const bytes = [...encode(plain, { twice })];
  const constants = bytes.flatMap((byte, i) => (byte === 0xfd && bytes[i + 1] === 0x0c ? [i] : []));
  expect(constants).toHaveLength(1);
  expect(constants[0]).toBeLessThan(bytes.indexOf(0x03, constants[0]));
  instantiate(memory, plain, { twice }).twice(F32.fill(16).byteOffset);
  expect([...F32.subarray(0, 8)]).toEqual(new Array(8).fill(1));
});

test("tsc rejects a wrongly typed expression", () => {
  const v = f32x4.const(1);
  const p = i32.const(A);
  const pair = func([f32, f32], (a, b) => I.add(a, b));
  const neverRun = (): unknown[] => [
    // @ts-expect-error operands of two types
    I.add(v, f64x2.const(1)),
    // @ts-expect-error the same bits, but not the same lanes
    I.mul(v, i32x4.const(1)),
    // @ts-expect-error an address is an i32
    f32x4.load(f32.const(1)),
    // @ts-expect-error no square root of integers
    I.sqrt(i32x4.const(1)),
    // @ts-expect-error the mask of f64x2 is i64x2
    I.bitselect(I.lt(v, 0), f64x2.const(1), f64x2.const(2)),
    // @ts-expect-error a local keeps its type
    f32.local().set(f64.const(1)),
    // @ts-expect-error a vector is no condition
    when(I.lt(v, 0), []),
    // @ts-expect-error a splat takes the scalar of its lanes
    f32x4.splat(f64.const(1)),
    // @ts-expect-error one argument is missing
    call(pair, f32.const(1)),
    // @ts-expect-error an argument of another type
    call(pair, f32.const(1), v),
    // @ts-expect-error a value is no statement
    when(p, p),
    // @ts-expect-error a statement is no operand
    I.add(p, store(p, v)),
    // @ts-expect-error an exported function takes numbers only
    instantiate(memory, plain, { f: func([f32x4], (a) => store(p, a)) }).f(1),
    // @ts-expect-error and the right count of them
    instantiate(memory, plain, { f: func([i32], (a) => store(a, v)) }).f(1, 2),
  ];
  expect(neverRun).toBeTypeOf("function");
  const number: Operand<"f32"> = 1;
  expect(evaluate(I.add(f32.const(2), number))).toEqual([3]);
});
