import { expect, test } from "vitest";
import { flopOfProducts, productsOf, replay } from "../../bench/products.ts";
import { backward, linear, parameter, selfAttention, sum } from "../../src/autograd/index.ts";
import { heap, kernelsFor, Rng, type Shape, scope, sizeOf, tensor } from "../../src/tensor/index.ts";

const rng = new Rng(1);
const random = (shape: Shape) =>
  parameter(
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()),
      shape,
    ),
  );
const [x, kernel, bias] = [random([10, 4]), random([4, 6]), random([6])];
const layer = () => scope(() => backward(sum(linear(x, kernel, bias))));

test("a linear layer is three products of the same work", () => {
  const products = productsOf(layer);
  expect(products.map(({ transA, transB, m, n, k }) => ({ transA, transB, m, n, k }))).toEqual([
    { transA: false, transB: false, m: 10, n: 6, k: 4 },
    { transA: true, transB: false, m: 4, n: 6, k: 10 },
    { transA: false, transB: true, m: 10, n: 4, k: 6 },
  ]);
  expect(products.map(({ bias = 0 }) => bias !== 0)).toEqual([true, false, false]);
  expect(flopOfProducts(products)).toBe(3 * 2 * 10 * 6 * 4);
});

test("attention is two products forward and four backward, for every head of every picture", () => {
  const [batch, tokens, heads, headDim] = [3, 20, 2, 5];
  const qkv = random([batch, tokens, 3 * heads * headDim]);
  const one = 2 * batch * heads * tokens ** 2 * headDim;
  expect(flopOfProducts(productsOf(() => scope(() => selfAttention(qkv, heads))))).toBe(2 * one);
  expect(flopOfProducts(productsOf(() => scope(() => backward(sum(selfAttention(qkv, heads))))))).toBe(6 * one);
});

test("kernels are what they were after products were written down, also when the step throws", () => {
  const before = kernelsFor("f32");
  productsOf(layer);
  expect(kernelsFor("f32")).toBe(before);
  expect(() =>
    productsOf(() => {
      throw new Error("no step");
    }),
  ).toThrow("no step");
  expect(kernelsFor("f32")).toBe(before);
});

test("products of attention lie within its inputs and outputs", () => {
  const [batch, tokens, heads, headDim] = [40, 33, 2, 8]; // more than one group of images
  const qkv = random([batch, tokens, 3 * heads * headDim]);
  const end = qkv.value.address + 4 * qkv.value.size;
  const read = productsOf(() => scope(() => selfAttention(qkv, heads))).filter(({ transB }) => transB);
  const last = ({ b, ldb, n, k, batch: entries = 1, strideB = 0 }: (typeof read)[number]) =>
    b + 4 * ((entries - 1) * strideB + (n - 1) * ldb + k);
  expect(Math.min(...read.map(({ a }) => a))).toBe(qkv.value.address);
  // keys end where the values of the last row begin
  expect(Math.max(...read.map(last))).toBe(end - 4 * heads * headDim);
});

test("a replay changes nothing and gives back its memory", () => {
  const products = productsOf(layer);
  const numbers = kernel.value.toArray();
  const before = heap.liveBytes;
  const { run, release } = replay(products);
  run();
  release();
  expect(heap.liveBytes).toBe(before);
  expect(kernel.value.toArray()).toEqual(numbers);
});
