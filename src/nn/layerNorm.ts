/** Layer normalization with learned scale and bias. */
import { layerNorm, type Variable } from "../autograd/index.ts";
import type { DType } from "../tensor/index.ts";
import { filled } from "./init.ts";

/** Layer normalization over the last axis.   x [..., D] → [..., D] */
export class LayerNorm {
  readonly scale: Variable; // [D]
  readonly bias: Variable; // [D]
  readonly #epsilon: number;

  /** `epsilon` is added to the variance; 1e-6, the default, as in flax. */
  constructor(width: number, dtype: DType, epsilon = 1e-6) {
    this.scale = filled([width], 1, dtype);
    this.bias = filled([width], 0, dtype);
    this.#epsilon = epsilon;
  }

  forward(x: Variable): Variable {
    return layerNorm(x, this.scale, this.bias, this.#epsilon);
  }
}
