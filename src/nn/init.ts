/** Initializers of big_vision (flax). Each takes the random generator of its own parameter. */
import { parameter, type Variable } from "../autograd/index.ts";
import { type DType, empty, full, generate, type Rng, type Shape } from "../tensor/index.ts";

let draws = true;

/**
 * Runs `build` without drawing random parameters: their contents are undefined until they are read from a file, which takes less time
 * than drawing them (PyTorch `skip_init`).
 */
export function skipInit<T>(build: () => T): T {
  const before = draws;
  draws = false;
  try {
    return build();
  } finally {
    draws = before;
  }
}

const drawn = (shape: Shape, draw: () => number, dtype: DType): Variable =>
  parameter(draws ? generate(shape, draw, dtype) : empty("skipInit", shape, dtype));

/** Standard deviation of a standard normal truncated at ±2. */
const TRUNCATED_STD = 0.87962566103423978;

/** Normal(0, 1/fanIn), truncated at two standard deviations and rescaled to that variance (LeCun et al. 1998). */
export function leCunNormal(rng: Rng, shape: Shape, fanIn: number, dtype: DType): Variable {
  const std = Math.sqrt(1 / fanIn) / TRUNCATED_STD;
  return drawn(shape, () => std * rng.truncatedNormal(2), dtype);
}

/** Uniform(±√(6/(fanIn + fanOut))) (Glorot & Bengio 2010). */
export function xavierUniform(rng: Rng, shape: Shape, fanIn: number, fanOut: number, dtype: DType): Variable {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return drawn(shape, () => rng.between(-bound, bound), dtype);
}

/** Normal(0, std²). */
export const normal = (rng: Rng, shape: Shape, std: number, dtype: DType): Variable =>
  drawn(shape, () => std * rng.normal(), dtype);

/** A parameter filled with `value`. */
export const filled = (shape: Shape, value: number, dtype: DType): Variable => parameter(full(shape, value, dtype));
