import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  addSoftmaxGradients,
  addSoftmaxSums,
  attention,
  attentionGrad,
  emptySoftmaxSums,
  exp,
  flops,
  full,
  kernelsFor,
  linear,
  matmul,
  ones,
  type Shape,
  scope,
  sigmoidBlock,
  softmax,
  sumSquares,
  type Tensor,
  useKernels,
} from "../../src/tensor/index.ts";

const counted = (body: () => void): number => {
  const before = flops();
  scope(body);
  return flops() - before;
};
const side = fc.integer({ min: 1, max: 12 });
const many = fc.integer({ min: 1, max: 500 }); // more than a tile of pairs

describe("flops", () => {
  it("counts 2·m·n·k for a product, in every layout and for every matrix of a batch", () => {
    fc.assert(
      fc.property(side, side, side, side, fc.boolean(), fc.boolean(), (batch, m, n, k, transposeA, transposeB) => {
        const a = (...lead: number[]): Tensor => ones([...lead, ...(transposeA ? [k, m] : [m, k])]);
        const b = (...lead: number[]): Tensor => ones([...lead, ...(transposeB ? [n, k] : [k, n])]);
        const of = (x: () => Tensor, y: () => Tensor): number =>
          counted(() => matmul(x(), y(), { transposeA, transposeB }));
        expect(of(a, b)).toBe(2 * m * n * k);
        expect(of(() => a(batch), b)).toBe(2 * m * n * k * batch);
        expect(of(a, () => b(batch))).toBe(2 * m * n * k * batch);
        expect(of(() => a(batch, 1), () => b(3))).toBe(2 * m * n * k * batch * 3); // biome-ignore format: a case
        expect(counted(() => linear(ones([batch, m, k]), ones([k, n]), ones([n])))).toBe(2 * m * n * k * batch);
      }),
    );
  });

  it("counts two products for every head of attention, and four for its gradient", () => {
    fc.assert(
      fc.property(side, side, side, side, side, (batch, heads, queries, keys, headDim) => {
        const product = 2 * queries * keys * headDim * batch * heads;
        const shapes: Shape[] = [
          [batch, queries, heads * headDim],
          [batch, keys, 2 * heads * headDim],
        ];
        const [q, kv] = shapes.map((shape) => ones(shape));
        expect(counted(() => attention(q, kv, heads))).toBe(2 * product);
        const result = attention(q, kv, heads);
        expect(counted(() => attentionGrad(q, kv, heads, result, result.value))).toBe(4 * product);
      }),
    );
  });

  it("counts 6·d for a pair of the sigmoid loss and 8·d for one of the softmax loss, whatever the tiles", () => {
    fc.assert(
      fc.property(many, many, side, (n, m, d) => {
        const [x, y] = [full([n, d], 0.1), full([m, d], 0.1)];
        const zeros = (): readonly [Tensor, Tensor] => [full([n, d], 0), full([m, d], 0)];
        expect(counted(() => sigmoidBlock(x, y, 1, 0, false, ...zeros()))).toBe(6 * d * n * m);
        const two = counted(() => {
          const [rows, columns] = [emptySoftmaxSums(n, "f32"), emptySoftmaxSums(m, "f32")];
          addSoftmaxSums(x, y, 1, rows, columns);
          const of = ({ tops }: typeof rows) => ({ tops, weights: tops });
          addSoftmaxGradients(x, y, 1, of(rows), of(columns), ...zeros());
        });
        expect(two).toBe(8 * d * n * m);
      }),
      { numRuns: 20 },
    );
  });

  it("does not depend on the kernels", () => {
    const work = (): void => {
      const { value, probs } = attention(ones([3, 5, 24]), undefined, 2);
      attentionGrad(ones([3, 5, 24]), undefined, 2, { value, probs }, value);
      linear(value, ones([8, 7]));
    };
    const fast = counted(work);
    const chosen = kernelsFor("f32");
    try {
      useKernels(undefined); // the plain loops
      expect(counted(work)).toBe(fast);
    } finally {
      useKernels(chosen);
    }
  });

  it("leaves out element-wise operations", () => {
    const x = ones([30, 30]);
    expect(counted(() => void [add(x, x), exp(x), softmax(x), sumSquares(x)])).toBe(0);
  });
});
