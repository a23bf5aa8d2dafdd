import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parameter, type Variable } from "../../../src/autograd/index.ts";
import {
  AdamW,
  type AdamWOptions,
  clipFactor,
  globalNorm,
  NonFiniteError,
  OptimizerError,
} from "../../../src/nn/index.ts";
import { type DType, heap, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { U32, U64 } from "../../support/bounds.ts";
import { expectSameBits, expectWithin } from "../../support/expect.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

/** Numbers away from 0 and from the ends of float32. */
const number = fc
  .tuple(fc.boolean(), fc.float({ min: Math.fround(1e-3), max: 1000, noNaN: true }))
  .map(([minus, x]) => (minus ? -x : x));
const vector = fc.array(number, { minLength: 1, maxLength: 20 });

const leaf = (values: readonly number[], dtype: DType): Variable => parameter(tensor(values, [values.length], dtype));
const numbers = (x: Variable): number[] => [...x.value.toArray()];

/** The numbers of one parameter after steps with the given gradients. */
function steps(
  start: readonly number[],
  gradients: readonly (readonly number[])[],
  options: AdamWOptions,
  dtype: DType,
  path = "a/kernel",
) {
  const p = leaf(start, dtype);
  const optimizer = new AdamW(new Map([[path, p]]), options);
  for (const g of gradients) {
    p.grad = tensor(g, [g.length], dtype);
    optimizer.step(1);
  }
  return numbers(p);
}

describe.each(DTYPES)("AdamW in %s", (dtype, u) => {
  it("with gradients of 0 only decays: p·(1 − wd)", () => {
    fc.assert(
      fc.property(vector, fc.double({ min: 0, max: 0.5, noNaN: true }), (start, weightDecay) => {
        const after = steps(start, [start.map(() => 0)], { lr: 0.1, weightDecay }, dtype);
        expectWithin(
          after,
          start.map((p) => p * (1 - weightDecay)),
          start.map((p) => 4 * u * Math.abs(p)),
        );
        expectSameBits(steps(start, [start.map(() => 0)], { lr: 0.1 }, dtype), start);
      }),
    );
  });

  it("first moves every number by lr·g/(|g| + ε), whatever the size of its gradient", () => {
    fc.assert(
      fc.property(vector, fc.constantFrom(1e-8, 0.1, 3), (g, eps) => {
        const lr = 0.25;
        const after = steps(
          g.map(() => 0),
          [g],
          { lr, eps },
          dtype,
        );
        expectWithin(
          after,
          g.map((x) => (-lr * x) / (Math.abs(x) + eps)),
          20 * u * lr,
        );
      }),
    );
  });

  it("follows m ← β1·m + (1 − β1)·g, v ← β2·v + (1 − β2)·g² with both corrected", () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 8 }), number, (gradients, start) => {
        const [beta1, beta2, lr, eps, wd] = [0.9, 0.95, 0.01, 1e-8, 0.02];
        let [p, m, v] = [start, 0, 0];
        gradients.forEach((g, i) => {
          m = beta1 * m + (1 - beta1) * g;
          v = beta2 * v + (1 - beta2) * g * g;
          p -= (lr * (m / (1 - beta1 ** (i + 1)))) / (Math.sqrt(v / (1 - beta2 ** (i + 1))) + eps) + wd * p;
        });
        const after = steps(
          [start],
          gradients.map((g) => [g]),
          { lr, beta1, beta2, eps, weightDecay: wd },
          dtype,
        );
        expectWithin(after, [p], 100 * gradients.length * u * (Math.abs(start) + 1000 * lr));
      }),
    );
  });

  it("without ε does not depend on a power of two in all gradients, bit for bit", () => {
    fc.assert(
      fc.property(fc.array(vector, { minLength: 1, maxLength: 4 }), fc.integer({ min: -10, max: 10 }), (list, k) => {
        const width = Math.min(...list.map((g) => g.length));
        const gradients = list.map((g) => g.slice(0, width));
        const start = new Array<number>(width).fill(0.5);
        const scaled = gradients.map((g) => g.map((x) => x * 2 ** k));
        expectSameBits(
          steps(start, scaled, { lr: 0.01, eps: 0 }, dtype),
          steps(start, gradients, { lr: 0.01, eps: 0 }, dtype),
        );
      }),
    );
  });

  it("does not depend on the order of parameters, bit for bit", () => {
    fc.assert(
      fc.property(fc.array(vector, { minLength: 2, maxLength: 5 }), (values) => {
        const run = (order: readonly number[]) => {
          const parameters = values.map((start) => leaf(start, dtype));
          const optimizer = new AdamW(new Map(order.map((i) => [`${i}/kernel`, parameters[i]])), {
            lr: 0.1,
            weightDecay: 0.01,
          });
          for (let step = 0; step < 3; step++) {
            parameters.forEach((p, i) => {
              p.grad = tensor(
                values[i].map((x) => Math.fround(x + step)),
                [values[i].length],
                dtype,
              );
            });
            optimizer.step(0.5);
          }
          return parameters.flatMap(numbers);
        };
        const order = values.map((_, i) => i);
        expectSameBits(run(order.toReversed()), run(order));
      }),
      { numRuns: 40 },
    );
  });
});

describe("AdamW", () => {
  const one = (options: AdamWOptions, path: string) => steps([1], [[1]], options, "f64", path)[0];

  it("decays kernels by default, or the parameters whose whole path matches", () => {
    const options = { lr: 0, weightDecay: 0.5 };
    expect(one(options, "text/head/kernel")).toBe(0.5);
    for (const path of ["text/head/bias", "text/embedding", "tPrime", "kernel2/scale"])
      expect(one(options, path)).toBe(1);
    expect(one({ ...options, decayed: "tPrime|b" }, "tPrime")).toBe(0.5);
    expect(one({ ...options, decayed: "tPrime|b" }, "text/b")).toBe(1);
  });

  it("multiplies rate and decay by the first row whose whole path matches, and both by the schedule", () => {
    const multipliers = [
      { match: "text/.*", lr: 0 },
      { match: ".*", lr: 2, decay: 0 },
    ];
    const options = { lr: 0.1, weightDecay: 0.5, multipliers };
    expect(one(options, "text/kernel")).toBe(0.5);
    expect(one(options, "image/kernel")).toBeCloseTo(1 - 0.2, 8);
    const p = leaf([1], "f64");
    const optimizer = new AdamW(new Map([["kernel/kernel", p]]), { lr: 0.1, weightDecay: 0.5 });
    p.grad = tensor([1], [1], "f64");
    optimizer.step(0.5);
    expect(numbers(p)[0]).toBeCloseTo(1 - 0.05 - 0.25, 8);
    expect(optimizer.count).toBe(1);
  });

  it("frees gradients, returns their norm before clipping, and updates by the clipped ones", () => {
    const p = leaf([0, 0], "f64");
    const optimizer = new AdamW(new Map([["a", p]]), { lr: 1, eps: 1, clipNorm: 1 });
    p.grad = tensor([3, 4], [2], "f64");
    const before = heap.liveBlocks;
    expect(optimizer.step(1)).toBe(5);
    expect(p.grad).toBeUndefined();
    expect(heap.liveBlocks).toBe(before - 1);
    expectWithin(numbers(p), [-0.6 / 1.6, -0.8 / 1.8], 1e-12);
  });

  it("keeps gradients of 0 at 0 under clipping: nothing is divided by their norm", () => {
    expectSameBits(steps([1, 2], [[0, 0]], { lr: 1, clipNorm: 1 }, "f32"), [1, 2]);
  });

  it("updates nothing, drops the gradients and names the first that is not finite", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const [a, b] = [leaf([1, 2], "f32"), leaf([3, 4], "f32")];
      const optimizer = new AdamW(
        new Map([
          ["a/kernel", a],
          ["b/kernel", b],
        ]),
        { lr: 1, weightDecay: 0.1, clipNorm: 1 },
      );
      a.grad = tensor([1, 1], [2]);
      b.grad = tensor([1, bad], [2]);
      expect(() => optimizer.step(1)).toThrow(
        new NonFiniteError("adamW: the gradient of b/kernel is not finite; nothing was updated"),
      );
      expect([...numbers(a), ...numbers(b), optimizer.count]).toEqual([1, 2, 3, 4, 0]);
      expect([a.grad, b.grad]).toEqual([undefined, undefined]);
      expect([...optimizer.state().values()].flatMap((moment) => [...moment.data])).toEqual(new Array(8).fill(0));
    }
  });

  it("names the parameter that has no gradient", () => {
    const optimizer = new AdamW(new Map([["b", leaf([1], "f32")]]), { lr: 1 });
    expect(() => optimizer.step(1)).toThrow(
      new OptimizerError(
        "adamW: b has no gradient; if the loss does not depend on it, leave it out of the optimizer's parameters",
      ),
    );
  });

  it("shows both moments by path", () => {
    const p = leaf([0], "f64");
    const optimizer = new AdamW(new Map([["x", p]]), { lr: 1 });
    p.grad = tensor([2], [1], "f64");
    optimizer.step(1);
    const state = optimizer.state();
    expect([...state.keys()]).toEqual(["x/m", "x/v"]);
    expectWithin([(state.get("x/m") as Tensor).item(), (state.get("x/v") as Tensor).item()], [0.2, 0.2], 1e-12);
  });
});

describe("clipping by the global norm", () => {
  it("scales down to the limit, and leaves shorter gradients exactly as they are", () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 1e-3, max: 1e4, noNaN: true }),
        (list, limit) => {
          const norm = globalNorm(list.map((g) => tensor(g, [g.length])));
          expect(norm).toBeCloseTo(Math.hypot(...list.flat()), 8);
          const factor = clipFactor(norm, limit);
          if (norm <= limit) expect(factor).toBe(1);
          else expect(Math.abs(factor * norm - limit)).toBeLessThanOrEqual(4 * U64 * limit);
        },
      ),
    );
    expect(clipFactor(0, 1)).toBe(1);
    expect(clipFactor(5, Number.POSITIVE_INFINITY)).toBe(1);
  });

  it("does not overflow where the squares of float32 would", () => {
    expect(globalNorm([tensor([3e30, 4e30], [2])]) / 5e30).toBeCloseTo(1, 6);
    expect(globalNorm([tensor([3e-30, 4e-30], [2])]) / 5e-30).toBeCloseTo(1, 6);
    expect(globalNorm([tensor([1, Number.NaN], [2])])).toBeNaN();
  });
});

describe("AdamW rejects, before it changes anything,", () => {
  const build = (options: object) => () =>
    new AdamW(new Map([["a/kernel", leaf([1], "f32")]]), { lr: 1, ...options } as AdamWOptions);

  it.each([
    [{ lr: -1 }, /lr -1 is not a finite number of at least 0/],
    [{ lr: Number.NaN }, /lr NaN/],
    [{ lr: "0.1" }, /lr 0.1/],
    [{ lr: undefined }, /lr undefined/],
    [{ beta1: 1 }, /beta1 1 is not a number from 0 to below 1/],
    [{ beta2: -0.1 }, /beta2 -0.1/],
    [{ eps: -1 }, /eps -1 is not 0 or a finite number/],
    [{ eps: 1e-300 }, /eps 1e-300/], // 0 in f32
    [{ weightDecay: Number.POSITIVE_INFINITY }, /weightDecay Infinity/],
    [{ clipNorm: 0 }, /clipNorm 0 is not a number above 0/],
    [{ weight_decay: 0.1 }, /unknown option weight_decay.*weightDecay/],
    [{ decayed: "(" }, /"\(" is not a valid path pattern/],
    [{ multipliers: [{ match: "a)|(?:b" }] }, /"a\)\|\(\?:b" is not a valid path pattern/],
    [{ multipliers: [{ match: "a.*", lr: -1 }] }, /lr -1 or decay 1 of the multiplier for a\.\*/],
  ])("%j", (options, says) => {
    expect(build(options)).toThrow(OptimizerError);
    expect(build(options)).toThrow(says);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a factor of %f", (factor) => {
    const p = leaf([1], "f32");
    const optimizer = new AdamW(new Map([["a", p]]), { lr: 1 });
    p.grad = tensor([1], [1]);
    expect(() => optimizer.step(factor)).toThrow(OptimizerError);
    expect(numbers(p)).toEqual([1]);
    expect(optimizer.count).toBe(0);
  });
});

it("AdamW reads patterns as regular expressions with the flag u, over whole paths", () => {
  const rates = (match: string): number[] => {
    const parameters = new Map(["image/é1", "image/-", "text"].map((path) => [path, leaf([0], "f32")] as const));
    const optimizer = new AdamW(parameters, { lr: 1, multipliers: [{ match, lr: 0 }] });
    for (const p of parameters.values()) p.grad = tensor([1], [1]);
    optimizer.step(1);
    return [...parameters.values()].map((p) => numbers(p)[0]);
  };
  expect(rates("image/[\\p{L}\\d/]+")).toEqual([0, expect.closeTo(-1, 5), expect.closeTo(-1, 5)]);
  expect(rates("image|text|-")).toEqual([expect.closeTo(-1, 5), expect.closeTo(-1, 5), 0]);
});
