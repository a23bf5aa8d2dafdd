/** Initializers of big_vision (flax). Each takes the random generator of its own parameter. */
import { parameter, type Variable } from "../autograd/index.ts";
import { type DType, full, generate, type Rng, type Shape } from "../tensor/index.ts";

/** Standard deviation of a standard normal truncated at ±2. */
const TRUNCATED_STD = 0.87962566103423978;

/** Normal(0, 1/fanIn), truncated at two standard deviations and rescaled to that variance (LeCun et al. 1998). */
export function leCunNormal(rng: Rng, shape: Shape, fanIn: number, dtype: DType): Variable {
  const std = Math.sqrt(1 / fanIn) / TRUNCATED_STD;
  return parameter(generate(shape, () => std * rng.truncatedNormal(2), dtype));
}

/** Uniform(±√(6/(fanIn + fanOut))) (Glorot & Bengio 2010). */
export function xavierUniform(rng: Rng, shape: Shape, fanIn: number, fanOut: number, dtype: DType): Variable {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return parameter(generate(shape, () => rng.between(-bound, bound), dtype));
}

/** Normal(0, std²). */
export const normal = (rng: Rng, shape: Shape, std: number, dtype: DType): Variable =>
  parameter(generate(shape, () => std * rng.normal(), dtype));

/** A parameter filled with `value`. */
export const filled = (shape: Shape, value: number, dtype: DType): Variable => parameter(full(shape, value, dtype));
