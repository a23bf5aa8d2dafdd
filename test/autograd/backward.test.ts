import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import * as A from "../../src/autograd/index.ts";
import * as T from "../../src/tensor/index.ts";
import { heap, LifetimeError, ShapeError, scope, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";

const { GraphError, add, backward, constant, mul, parameter, sum } = A;
const gradOf = (x: A.Variable): ArrayLike<number> => x.grad?.toArray() ?? [];
const counts = () => [heap.liveBlocks, heap.liveBytes];

// The kernels take their workspace from the heap at their first use.
beforeAll(() => void T.add(zeros([2]), zeros([2])));
afterEach(() => {
  heap.poison = false;
});

/** Steps of a random graph: an operation and the two earlier values it reads. Every value is [2, 3]. */
type Step = readonly [op: number, left: number, right: number];
const STEPS: readonly ((a: A.Variable, b: A.Variable) => A.Variable)[] = [
  (a, b) => add(a, b),
  (a, b) => A.sub(a, b),
  (a, b) => mul(a, b),
  (a) => A.tanh(a),
  (a) => A.sigmoid(a),
  (a) => A.reshape(A.reshape(a, [6]), [2, 3]), // shares memory
  (a, b) => A.concat([A.slice(a, 0, 1, 2), A.slice(b, 0, 0, 1)], 0), // slices share memory
  (a, b) => A.concat([A.slice(a, 1, 0, 2), A.slice(b, 1, 2, 3)], 1),
  (a, b) => mul(a, A.slice(b, 0, 0, 1)), // broadcasts a row
  (a, b) => add(A.transpose(A.transpose(a)), A.sum(b, { axis: 1, keepDims: true })),
  (a, b) => A.softmax(add(a, b)),
  (a) => add(a, 0.5),
];
const graphs = fc.array(fc.tuple(fc.nat(STEPS.length - 1), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 });

function run(steps: readonly Step[], ...leaves: A.Variable[]): A.Variable {
  const values = [...leaves];
  for (const [op, left, right] of steps) {
    values.push(STEPS[op](values[left % values.length], values[right % values.length]));
  }
  // Every value contributes to the sum, so each has more than one user.
  return values.map((value) => A.mean(A.tanh(value))).reduce((total, value) => add(total, value));
}

describe("backward of a random graph", () => {
  it("equals central differences", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (steps, seed) => {
        const inputs = [normals(seed, [2, 3]), normals(seed + 1, [2, 3])];
        const { error, worst } = scope(() => A.gradcheck((a, b) => run(steps, a, b), inputs));
        expect(error, worst).toBeLessThan(1e-7);
      }),
      { numRuns: 60 },
    );
  });

  it("gives the same bits when freed memory is filled with NaN, and frees all memory", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (steps, seed) => {
        const before = counts();
        const [clean, poisoned] = [false, true].map((poison) => {
          heap.poison = poison;
          return scope(() => {
            const leaves = [normals(seed, [2, 3], "f32"), normals(seed + 1, [2, 3], "f32")].map(parameter);
            backward(run(steps, ...leaves));
            const out = leaves.map(gradOf);
            for (const leaf of leaves) leaf.grad = undefined;
            return out;
          });
        });
        heap.poison = false;
        for (const [i, grad] of clean.entries()) expectSameBits(poisoned[i], grad, `leaf ${i}`);
        expect(counts()).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it("is linear in the cotangent, bit for bit for powers of two", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), fc.integer({ min: -8, max: 8 }), (steps, seed, k) => {
        const grads = (cotangent: number) =>
          scope(() => {
            const leaves = [normals(seed, [2, 3]), normals(seed + 1, [2, 3])].map(parameter);
            backward(run(steps, ...leaves), tensor([cotangent], [], "f64"));
            return leaves.flatMap((leaf) => [...(leaf.grad as Tensor).toArray()]);
          });
        const one = grads(1);
        expectSameBits(
          grads(2 ** k),
          one.map((g) => g * 2 ** k),
        );
        const [a, b] = [grads(0.3), grads(0.7)];
        expectWithin(
          a.map((g, i) => g + b[i]),
          one,
          one.map((g) => 1e-13 * (1 + Math.abs(g))),
        );
      }),
      { numRuns: 40 },
    );
  });
});

describe("a value used more than once", () => {
  it("collects the gradients of all its uses: k times the value has gradient k", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), (k) => {
        const x = parameter(normals(k, [4]));
        backward(sum(Array.from({ length: k }, () => x).reduce((total, value) => add(total, value))));
        expectSameBits(gradOf(x), new Float64Array(4).fill(k));
      }),
    );
    const x = parameter(tensor([3], [], "f64"));
    backward(mul(x, mul(x, x)));
    expect(gradOf(x)[0]).toBe(27);
  });

  it("through views that share its memory collects the gradients of all views", () => {
    const x = parameter(tensor([1, 2, 3, 4], [2, 2], "f64"));
    const rows = [A.slice(x, 0, 0, 1), A.slice(x, 0, 1, 2), A.slice(x, 0, 0, 2)];
    backward(sum(mul(A.concat(rows, 0), tensor([1, 10, 100, 1000, 5, 6, 7, 8], [4, 2], "f64"))));
    expect([...(x.grad as Tensor).data]).toEqual([6, 16, 107, 1008]);
  });

  it("gets no gradient through a constant, exactly", () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (steps, seed) => {
        const grad = (detached: boolean) =>
          scope(() => {
            const x = parameter(normals(seed, [2, 3]));
            const y = run(steps, x);
            const root = detached ? add(y, constant(T.mul(y.value, 3))) : y;
            backward(root);
            return gradOf(x);
          });
        expectSameBits(grad(true), grad(false));
      }),
      { numRuns: 30 },
    );
  });
});

describe("gradients of leaves", () => {
  it("add up over several calls until they are taken or dropped", () => {
    const x = parameter(tensor([2], [1], "f64"));
    for (let i = 0; i < 3; i++) backward(sum(mul(x, x)));
    expect(gradOf(x)[0]).toBe(12);
    x.grad = undefined;
    backward(sum(x));
    expect(gradOf(x)[0]).toBe(1);
  });

  it("share memory neither with the cotangent nor with each other", () => {
    const [a, b] = [parameter(zeros([2])), parameter(zeros([2]))];
    const cotangent = tensor([1, 2], [2]);
    backward(add(a, b), cotangent);
    backward(mul(a, 3), cotangent);
    expect([...cotangent.data]).toEqual([1, 2]);
    expect([...(gradOf(a) as Float32Array)]).toEqual([4, 8]);
    expect([...(gradOf(b) as Float32Array)]).toEqual([1, 2]);
    backward(a, cotangent);
    expect([...(gradOf(a) as Float32Array), ...cotangent.data]).toEqual([5, 10, 1, 2]);
  });

  it("outlive the scope of the step, and are freed when they are dropped", () => {
    const x = parameter(tensor([2, 3], [2]));
    const before = counts();
    scope(() => backward(sum(mul(x, x))));
    expect([...(gradOf(x) as Float32Array)]).toEqual([4, 6]);
    expect(heap.liveBlocks).toBe(before[0] + 1);
    x.grad = undefined;
    expect(counts()).toEqual(before);
  });

  it("stay empty for constants and for parameters that were not used", () => {
    const [x, c, other] = [parameter(zeros([2])), constant(tensor([3, 4], [2])), parameter(zeros([2]))];
    backward(sum(mul(x, c)));
    expect([c.grad, other.grad]).toEqual([undefined, undefined]);
    expect([...(gradOf(x) as Float32Array)]).toEqual([3, 4]);
  });
});

describe("memory in the backward pass", () => {
  it("falls by one activation a step", () => {
    scope(() => {
      const seen: number[] = [];
      const probe = A.op("probe", (x: Tensor) => ({
        value: T.copy(x),
        vjps: [
          (g) => {
            seen.push(heap.liveBlocks);
            return T.copy(g);
          },
        ],
      }));
      let y: A.Variable = parameter(zeros([64]));
      for (let i = 0; i < 8; i++) y = probe(y);
      backward(sum(y));
      expect(seen.length).toBe(8);
      // At the first probe the last activation is still live; then each step frees the previous one.
      expect(seen.slice(1).map((blocks, i) => blocks - seen[i])).toEqual(new Array(7).fill(-1));
    });
  });

  it("keeps the root and kept tensors, and names freed ones", () => {
    scope(() => {
      const x = parameter(tensor([2], [1]));
      const square = mul(x, x);
      const kept = A.exp(square);
      T.keep(kept);
      const root = sum(add(square, kept));
      backward(root);
      expect(root.value.item()).toBeCloseTo(4 + Math.exp(4), 4);
      expect(kept.value.item()).toBeCloseTo(Math.exp(4), 4);
      expect(() => square.value.data).toThrow(LifetimeError);
      expect(() => square.value.data).toThrow("[1] made by mul is used after its memory was freed");
    });
  });

  it("is freed completely when a vjp throws in the middle", () => {
    const x = parameter(zeros([8]));
    const before = counts();
    const broken = A.op("broken", (value: Tensor) => ({
      value: T.copy(value),
      vjps: [
        () => {
          throw new RangeError("no derivative today");
        },
      ],
    }));
    expect(() => scope(() => backward(sum(mul(broken(mul(x, 2)), 3))))).toThrow("no derivative today");
    expect(counts()).toEqual(before);
    scope(() => backward(sum(mul(x, 2))));
    expectSameBits(gradOf(x), new Float32Array(8).fill(2));
  });
});

describe("a graph", () => {
  it("is used once", () => {
    const y = sum(mul(parameter(zeros([2])), 2));
    backward(y);
    expect(() => backward(y)).toThrow(
      new GraphError("backward: the graph of sum was already used; run the forward pass again for another gradient"),
    );
  });

  it("is used once even if two roots share it: the second call throws and adds nothing", () => {
    const x = parameter(tensor([1], [1]));
    const trunk = mul(x, 2);
    const [one, two] = [sum(trunk), sum(mul(trunk, 3))];
    backward(one);
    expect(() => backward(two)).toThrow(
      new GraphError("backward: the graph of mul was already used; run the forward pass again for another gradient"),
    );
    expect(gradOf(x)[0]).toBe(2);
  });

  it("without anything that needs a gradient is rejected", () => {
    const nothing = new GraphError("backward: nothing that this value depends on needs a gradient");
    expect(() => backward(sum(constant(zeros([2]))))).toThrow(nothing);
    expect(() => A.noGrad(() => backward(sum(parameter(zeros([2])))))).toThrow(nothing);
  });

  it("needs a cotangent of the root's shape unless the root is a scalar", () => {
    const x = parameter(zeros([2, 3]));
    expect(() => backward(mul(x, 2))).toThrow(new ShapeError("backward: [2, 3] is not a scalar; pass its cotangent"));
    expect(() => backward(mul(x, 2), zeros([3]))).toThrow(
      new ShapeError("backward: cotangent [3] does not have the shape of the value, [2, 3]"),
    );
    expect(x.grad).toBeUndefined();
  });

  it("names the operation and the argument that got no gradient", () => {
    const half = A.op("half", (a: Tensor, b: Tensor) => ({ value: T.add(a, b), vjps: [(g) => g] }));
    expect(() => backward(sum(half(parameter(zeros([1])), parameter(zeros([1])))))).toThrow(
      new GraphError("backward: half returned no gradient for its argument 1, which needs one"),
    );
  });
});
