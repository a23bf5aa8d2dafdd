import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  addInto,
  cast,
  copy,
  div,
  maximum,
  minimum,
  mul,
  type Operand,
  ShapeError,
  sub,
  type Tensor,
  tensor,
  UNARY,
  UNARY_GRAD,
  unaryGrad,
  unaryOps,
  zeros,
} from "../../src/tensor/index.ts";
import { isForPositive, type UnaryOp, unaryFunctions } from "../../src/tensor/kernels/scalar/unary.ts";
import { boundsOf } from "../long/bounds.ts";
import { errorOf } from "../long/meter.ts";
import { expectSameBits } from "../support/expect.ts";
import { sigmoid, softplus } from "../support/referenceLoss.ts";
import { shapes } from "../support/tensors.ts";

const EXACT_BINARY = {
  add: [add, (a: number, b: number) => a + b],
  sub: [sub, (a: number, b: number) => a - b],
  mul: [mul, (a: number, b: number) => a * b],
  div: [div, (a: number, b: number) => a / b],
  maximum: [maximum, Math.max],
  minimum: [minimum, Math.min],
} as const;

const EXACT_UNARY = {
  neg: (x: number) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x: number) => x * x,
  sqrt: Math.sqrt,
} as const;

/** Independent forms of some; the others are compared with their plain form, which parity/torch/scalar.test.ts checks. */
const OWN_FORMS: { readonly [op in UnaryOp]?: (x: number) => number } = {
  sigmoid,
  logSigmoid: (x) => -softplus(-x),
  softplus,
  gelu: (x) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
};
const SMOOTH = UNARY.filter((op) => !(op in EXACT_UNARY)).map(
  (op) => [op, OWN_FORMS[op] ?? unaryFunctions[op].plain] as const,
);

/** Any float32, the special ones often. */
const anyFloat = fc.oneof(
  fc.float(),
  fc.constantFrom(0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const floats = fc.array(anyFloat, { maxLength: 67 });
const row = (values: readonly number[]): Tensor => tensor(values, [values.length]);

describe("arithmetic in f32", () => {
  it.each(Object.entries(EXACT_BINARY))(
    "%s is the exact result, rounded once, for all floats and lengths",
    (_, [op, exact]) => {
      fc.assert(
        fc.property(fc.array(fc.tuple(anyFloat, anyFloat), { maxLength: 67 }), (pairs) => {
          const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
          const expected = Float32Array.from(a, (x, i) => exact(x, b[i]));
          expectSameBits(op(row(a), row(b)).toArray(), expected);
          if (a.length > 0) {
            expectSameBits(
              op(row(a), b[0]).toArray(),
              Float32Array.from(a, (x) => exact(x, b[0])),
              "with a number",
            );
            expectSameBits(
              op(a[0], row(b)).toArray(),
              Float32Array.from(b, (y) => exact(a[0], y)),
              "from a number",
            );
          }
        }),
      );
    },
  );

  it.each(Object.entries(EXACT_UNARY))(
    "%s is the exact result, rounded once, for all floats and lengths",
    (name, exact) => {
      fc.assert(
        fc.property(floats, (values) => {
          expectSameBits(
            unaryOps[name as keyof typeof EXACT_UNARY](row(values)).toArray(),
            Float32Array.from(values, exact),
          );
        }),
      );
    },
  );

  it("gives the same for views at every offset as for copies, and writes nothing beside its output", () => {
    const source = tensor(
      Array.from({ length: 80 }, (_, i) => Math.sin(i) * 3),
      [80],
    );
    for (let offset = 0; offset < 5; offset++) {
      for (const length of [0, 1, 3, 4, 7, 8, 15, 16, 17, 67]) {
        const view = source.view([length], offset);
        const alone = copy(view);
        for (const name of UNARY) {
          expectSameBits(unaryOps[name](view).toArray(), unaryOps[name](alone).toArray(), `${name} at ${offset}`);
        }
        for (const [op] of Object.values(EXACT_BINARY)) {
          expectSameBits(op(view, view).toArray(), op(alone, alone).toArray(), `binary at ${offset}`);
        }
        for (const name of UNARY_GRAD) {
          expectSameBits(unaryGrad(name, view, view).toArray(), unaryGrad(name, alone, alone).toArray(), `${name}′`);
        }
      }
    }
    expectSameBits(
      source.toArray(),
      Float32Array.from({ length: 80 }, (_, i) => Math.sin(i) * 3),
    );
  });
});

describe("smooth functions", () => {
  it.each(SMOOTH)("%s is as close to the exact value as claimed, on [−80, 80]", (op, exact) => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: -80, max: 80, noNaN: true }), { minLength: 1, maxLength: 35 }), (given) => {
        const values = isForPositive(op) ? given.map((x) => Math.abs(x)) : given;
        const out = unaryOps[op](row(values)).toArray();
        values.forEach((x, i) => {
          const expected = exact(x);
          if (Object.is(out[i], Math.fround(expected))) return;
          for (const bound of boundsOf(op)) {
            const error = errorOf(out[i], expected, x, bound);
            if (!(error <= bound.most))
              expect.fail(`${op}(${x}) is ${out[i]}, not ${expected}: ${error} ${bound.unit}`);
          }
        });
      }),
    );
  });

  it.each(SMOOTH)("%s passes NaN on and is right at 0 and ±∞", (op, exact) => {
    const ends = [Number.NaN, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const dtype of ["f32", "f64"] as const) {
      const out = unaryOps[op](tensor(ends, [4], dtype)).toArray();
      ends.forEach((x, i) => {
        const expected = exact(x);
        if (op === "gelu" && x === Number.NEGATIVE_INFINITY) return; // −∞·0: the formula says nothing
        const equal = Object.is(out[i], expected) || Math.abs(out[i] - expected) <= 2e-7;
        expect(equal, `${op}(${x}) is ${out[i]} in ${dtype}, not ${expected}`).toBe(true);
      });
    }
  });

  it("σ stays in [0, 1], and softplus is its argument from 20 on", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 35 }), (values) => {
        const s = unaryOps.sigmoid(row(values)).toArray();
        expect(s.every((y) => y >= 0 && y <= 1)).toBe(true);
        const p = unaryOps.softplus(row(values)).toArray();
        values.forEach((x, i) => {
          if (x >= 20) expect(p[i]).toBe(x);
        });
      }),
    );
  });
});

describe("broadcasting", () => {
  it("equals materializing both sides first, in every combination of shapes", () => {
    fc.assert(
      fc.property(
        shapes(0, 4),
        fc.nat(15),
        fc.nat(15),
        fc.nat(4),
        fc.nat(4),
        fc.nat(),
        (shape, keepA, keepB, dropA, dropB, seed) => {
          const side = (keep: number, drop: number, salt: number) => {
            const own = shape.map((length, i) => ((keep >> i) & 1 ? length : 1)).slice(Math.min(drop, shape.length));
            const size = own.reduce((product, length) => product * length, 1);
            return tensor(
              Array.from({ length: size }, (_, i) => Math.sin(seed + salt + 7 * i)),
              own,
              "f64",
            );
          };
          const [a, b] = [side(keepA, dropA, 1), side(keepB, dropB, 2)];
          for (const [name, [op, exact]] of Object.entries(EXACT_BINARY)) {
            const out = op(a, b);
            const rank = Math.max(a.shape.length, b.shape.length);
            expect(out.shape.length).toBe(rank);
            const read = (x: Tensor, flat: number): number => {
              let [rest, at, stride] = [flat, 0, 1];
              for (let axis = rank - 1; axis >= 0; axis--) {
                const index = rest % out.shape[axis];
                rest = Math.floor(rest / out.shape[axis]);
                const own = axis - (rank - x.shape.length);
                if (own < 0) continue;
                if (x.shape[own] > 1) at += index * stride;
                stride *= x.shape[own];
              }
              return x.data[at];
            };
            const expected = Float64Array.from({ length: out.size }, (_, flat) => exact(read(a, flat), read(b, flat)));
            expectSameBits(out.toArray(), expected, `${name} of [${a.shape}] and [${b.shape}]`);
          }
        },
      ),
    );
  });

  it("gives an empty tensor for an empty one", () => {
    expect(add(zeros([0, 3]), zeros([3])).shape).toEqual([0, 3]);
    expect(mul(zeros([2, 0]), zeros([0])).shape).toEqual([2, 0]);
  });
});

describe("elementwise errors", () => {
  it.each<[string, () => unknown, string]>([
    ["shapes", () => add(zeros([2, 3]), zeros([2])), "add: [2, 3] and [2] do not broadcast (3 against 2)"],
    ["two numbers", () => sub(1 as Operand, 2), "sub: two numbers; at least one side must be a tensor"],
    ["dtypes", () => mul(zeros([2]), zeros([3], "f64")), "mul: f32 [2] with f64 [3]; convert one with cast"],
    ["addInto", () => addInto(zeros([2, 1]), zeros([2])), "addInto: shapes differ, [2, 1] and [2]"],
    ["addInto", () => addInto(zeros([2]), zeros([2], "f64")), "addInto: f32 [2] with f64 [2]; convert one with cast"],
    ["gradients", () => unaryGrad("tanh", zeros([2]), zeros([3])), "tanh: the gradient is [3], but x is [2]"],
  ])("name the operation and what differs: %s", (_, run, message) => {
    expect(run).toThrow(new ShapeError(message));
  });
});

describe("copies and casts", () => {
  it("copy allocates; cast rounds to nearest; addInto writes in place", () => {
    const x = tensor([1, 2, 3], [3]);
    const y = copy(x);
    addInto(y, x);
    expect([...x.data, ...y.data]).toEqual([1, 2, 3, 2, 4, 6]);
    const third = tensor([1 / 3], [1], "f64");
    expect(cast(third, "f32").item()).toBe(Math.fround(1 / 3));
    expect(cast(cast(third, "f32"), "f64").item()).toBe(Math.fround(1 / 3));
  });
});
