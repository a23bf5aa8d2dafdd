import { describe, expect, it } from "vitest";
import {
  add,
  backward,
  constant,
  linear,
  mul,
  op,
  parameter,
  sum,
  tensorOf,
  Variable,
} from "../../src/autograd/index.ts";
import * as T from "../../src/tensor/index.ts";
import { heap, scope, storagesIn, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";

/** a·b + n with a count of the calls of each derivative. */
function counted() {
  const asked = [0, 0];
  const f = op("counted", (a: Tensor, b: Tensor, n: number) => ({
    value: T.add(T.mul(a, b), n),
    vjps: [
      (g) => {
        asked[0]++;
        return T.mul(g, b);
      },
      (g) => {
        asked[1]++;
        return T.mul(g, a);
      },
    ],
  }));
  return { f, asked };
}

describe("op", () => {
  it("lifts a rule to variables, lets tensors and numbers through, and keeps its name", () => {
    const { f } = counted();
    const [a, b] = [tensor([2], [1]), tensor([3], [1])];
    for (const y of [f(a, b, 1), f(parameter(a), b, 1), f(a, parameter(b), 1), f(constant(a), parameter(b), 1)]) {
      expect(y).toBeInstanceOf(Variable);
      expect(y.value.item()).toBe(7);
    }
    expect(f.opName).toBe("counted");
    expect(f(parameter(a), b, 1).node?.op).toBe("counted");
  });

  it("records only where an argument needs a gradient", () => {
    const { f } = counted();
    const a = tensor([2], [1]);
    expect(f(a, a, 0).requiresGrad).toBe(false);
    expect(f(constant(a), a, 0).requiresGrad).toBe(false);
    expect(f(constant(a), parameter(a), 0).requiresGrad).toBe(true);
    expect(f(f(parameter(a), a, 0), a, 0).requiresGrad).toBe(true);
  });

  it("computes only the derivatives that are needed: constants cost nothing", () => {
    const { f, asked } = counted();
    const a = tensor([2], [1]);
    backward(sum(f(constant(a), parameter(a), 0)));
    expect(asked).toEqual([0, 1]);
    backward(sum(f(parameter(a), a, 0)));
    expect(asked).toEqual([1, 1]);
  });

  it("tells a rule with a joint vjp which gradients are needed", () => {
    let told: readonly boolean[] = [];
    const both = op("both", (a: Tensor, b: Tensor) => ({
      value: T.add(a, b),
      vjp: (g, needs) => {
        told = needs;
        return [g, g];
      },
    }));
    backward(sum(both(parameter(zeros([1])), constant(zeros([1])))));
    expect(told).toEqual([true, false]);
  });

  it("sums a gradient to the shape of an argument that was broadcast", () => {
    const row = parameter(tensor([1, 2, 3], [3]));
    const column = parameter(tensor([1, 10], [2, 1]));
    backward(sum(mul(row, column)));
    expect([...(row.grad as Tensor).data]).toEqual([11, 11, 11]);
    expect([...(column.grad as Tensor).data]).toEqual([6, 6]);
    expect(column.grad?.shape).toEqual([2, 1]);
  });

  it("saves what its derivative reads until that has run, and frees the intermediates of an unrecorded call", () => {
    scope(() => {
      const saving = op("saving", (x: Tensor) => {
        const saved = T.mul(x, 2);
        return { value: T.add(saved, 1), vjps: [(g) => T.mul(g, saved)] };
      });
      void T.mul(T.add(zeros([1]), 1), 2); // kernels have their workspace
      const x = zeros([4]);
      const before = heap.liveBlocks;
      saving(x);
      expect(heap.liveBlocks).toBe(before + 1);
      const y = scope(() => saving(parameter(x)));
      expect(heap.liveBlocks).toBe(before + 3);
      backward(y, T.ones([4]));
      expect(heap.liveBlocks).toBe(before + 4); // both values, the cotangent and the gradient
    });
  });
});

describe("a tensor that `saves` leaves out", () => {
  it("is freed with its scope, and the gradients are the same", () => {
    scope(() => {
      const x = parameter(T.tensor([1, 2, 3, 4], [2, 2]));
      const kernel = parameter(T.tensor([5, 6, 7, 8], [2, 2]));
      const before = heap.liveBlocks;
      const y = scope(() => add(x, linear(x, kernel)));
      expect(heap.liveBlocks).toBe(before + 1); // the sum; the product was freed
      backward(y, T.ones([2, 2]));
      expect([...(x.grad as Tensor).data]).toEqual([12, 16, 12, 16]);
      expect([...(kernel.grad as Tensor).data]).toEqual([4, 4, 6, 6]);
    });
  });

  it("throws LifetimeError if the derivative reads it", () => {
    scope(() => {
      const wrong = op("wrong", (x: Tensor) => {
        const twice = T.mul(x, 2);
        return { value: T.add(twice, 1), vjps: [(g) => T.mul(g, twice)], saves: [] };
      });
      const y = scope(() => wrong(parameter(zeros([2]))));
      expect(() => backward(y, T.ones([2]))).toThrow(T.LifetimeError);
    });
  });
});

describe("a variable", () => {
  it("is found by scopes through its value; tensorOf gives its tensor", () => {
    const x = zeros([2]);
    const variable = parameter(x);
    expect([...storagesIn([variable, { variable }])]).toEqual([x.storage]);
    expect([tensorOf(variable), tensorOf(x)]).toEqual([x, x]);
    expect(variable.shape).toEqual([2]);
  });

  it("takeGrad returns its gradient once", () => {
    const x = parameter(tensor([3], [1]));
    backward(sum(mul(x, x)));
    const g = x.takeGrad();
    expect(g?.item()).toBe(6);
    expect([x.grad, x.takeGrad()]).toEqual([undefined, undefined]);
    expect(g?.storage.live).toBe(true);
  });
});
