/** Random tensors and the scalar products that adjoint tests compare. */
import fc from "fast-check";
import { type DType, generate, Rng, type Shape, type Tensor } from "../../src/tensor/index.ts";

/** Standard normal numbers that are float32 in either precision. */
export function normals(seed: number, shape: Shape, dtype: DType = "f64"): Tensor {
  const rng = new Rng(seed).split(shape.join("×"));
  return generate(shape, () => Math.fround(rng.normal()), dtype);
}

export const dot = (a: Tensor, b: Tensor): number => {
  const [x, y] = [a.data, b.data];
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] * y[i];
  return total;
};

/** Σ |aᵢ·bᵢ|, the scale of the rounding error of a scalar product. */
export const dotSize = (a: Tensor, b: Tensor): number => {
  const [x, y] = [a.data, b.data];
  let total = 0;
  for (let i = 0; i < x.length; i++) total += Math.abs(x[i] * y[i]);
  return total;
};

/** Shapes of `min`..`max` axes with sides 1..4. */
export const shapes = (min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: min, maxLength: max });
