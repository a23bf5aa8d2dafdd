import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  add,
  backward,
  constant,
  exp,
  GraphError,
  gradcheck,
  mul,
  noGrad,
  parameter,
  recompute,
  sum,
  tanh,
  type Variable,
} from "../../src/autograd/index.ts";
import * as T from "../../src/tensor/index.ts";
import { heap, scope, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { normals } from "../support/tensors.ts";

const numbers = (x: Tensor | undefined): ArrayLike<number> => x?.toArray() ?? [];
const chain = (depth: number, x: Variable): Variable => {
  let y = x;
  for (let i = 0; i < depth; i++) y = tanh(mul(y, 1.1));
  return y;
};

beforeAll(() => void T.add(zeros([2]), zeros([2])));

describe("recompute", () => {
  it("changes neither the value nor the gradients, bit for bit, nested and with captured parameters", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom("f32" as const, "f64" as const),
        (seed, depth, dtype) => {
          const all = (wrap: (body: (x: Variable) => Variable, x: Variable) => Variable) =>
            scope(() => {
              const [x, w, v] = [seed, seed + 1, seed + 2].map((each) => parameter(normals(each, [6], dtype)));
              const inner = (z: Variable) => mul(chain(depth, z), v);
              const outer = (z: Variable) => add(wrap(inner, mul(z, w)), exp(mul(z, 0.1)));
              const L = sum(mul(wrap(outer, mul(x, 2)), x));
              const value = L.value.item();
              backward(L);
              return [[value], numbers(x.grad), numbers(w.grad), numbers(v.grad)];
            });
          const without = all((body, x) => body(x));
          const within = all((body, x) => recompute(body, x));
          for (const [i, name] of ["loss", "dx", "dw", "dv"].entries()) expectSameBits(within[i], without[i], name);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("holds only its inputs and its value until the backward pass, with and without captured parameters", () => {
    const bytes = (wrap: boolean) =>
      scope(() => {
        const [x, w] = [parameter(zeros([4096])), parameter(zeros([4096]))];
        const body = (z: Variable) => chain(12, mul(z, w));
        const before = heap.liveBytes;
        const y = wrap ? recompute(body, x) : body(x);
        const held = heap.liveBytes - before;
        backward(sum(y));
        return held;
      });
    expect(bytes(true)).toBe(T.sizeClass(4 * 4096));
    expect(bytes(false)).toBe(25 * T.sizeClass(4 * 4096));
  });

  it("in pieces has a lower peak than the whole", () => {
    const peak = (pieces: number) => {
      let most = 0;
      const before = heap.liveBytes;
      const allocate = heap.allocate.bind(heap);
      const spy = vi.spyOn(heap, "allocate").mockImplementation((bytes) => {
        const address = allocate(bytes);
        most = Math.max(most, heap.liveBytes);
        return address;
      });
      scope(() => {
        let y: Variable = parameter(zeros([4096]));
        for (let i = 0; i < pieces; i++) y = recompute((z) => chain(32 / pieces, z), y);
        backward(sum(y));
      });
      spy.mockRestore();
      return most - before;
    };
    expect(peak(8)).toBeLessThan(0.5 * peak(1));
  });

  it("takes several inputs, tensors and constants included", () => {
    const [a, b] = [parameter(tensor([2], [1], "f64")), parameter(tensor([3], [1], "f64"))];
    const fixed = tensor([5], [1], "f64");
    const y = recompute((x, z, c, t) => mul(mul(x, mul(z, z)), add(c, t)), a, b, constant(fixed), fixed);
    backward(sum(y));
    expect([numbers(a.grad)[0], numbers(b.grad)[0]]).toEqual([90, 120]);
  });

  it("gives a gradient of 0 to an input that its body does not use", () => {
    const [used, unused] = [parameter(tensor([2], [1], "f64")), parameter(tensor([3], [1], "f64"))];
    backward(sum(recompute((x) => mul(x, x), used, unused)));
    expect([numbers(used.grad)[0], numbers(unused.grad)[0]]).toEqual([4, 0]);
    const blind = parameter(tensor([2], [1], "f64"));
    backward(sum(recompute(() => constant(tensor([7], [1], "f64")), blind)));
    expect(numbers(blind.grad)[0]).toBe(0);
  });

  it("may return its input", () => {
    const x = parameter(tensor([2, 3], [2], "f64"));
    backward(
      sum(
        mul(
          recompute((z) => z, x),
          4,
        ),
      ),
    );
    expectSameBits(numbers(x.grad), Float64Array.of(4, 4));
  });

  it("passes a gradient check", () => {
    const { error, worst } = gradcheck(
      (a, b) => sum(recompute((x, y) => exp(mul(tanh(x), y)), a, b)),
      [normals(1, [3]), normals(2, [3])],
    );
    expect(error, worst).toBeLessThan(1e-8);
  });

  it("records nothing inside noGrad", () => {
    const y = noGrad(() => recompute((z) => chain(3, z), parameter(zeros([2]))));
    expect([y.requiresGrad, y.node]).toEqual([false, undefined]);
  });

  it("rejects a recorded value that is not an input, naming the operation", () => {
    const x = parameter(tensor([1], [1]));
    const outside = mul(x, 2);
    const y = sum(recompute((z) => add(z, outside), x));
    expect(() => backward(y)).toThrow(
      new GraphError("backward: mul was recorded outside recompute; pass it to recompute as an input"),
    );
  });
});
