/** Layer normalization with learned scale and bias; ε = 1e-6 as in flax. */
import { layerNorm, type Variable } from "../autograd/index.ts";
import type { DType } from "../tensor/index.ts";
import { filled } from "./init.ts";

/** Layer normalization over the last axis.   x [..., D] → [..., D] */
export class LayerNorm {
  readonly scale: Variable; // [D]
  readonly bias: Variable; // [D]

  constructor(width: number, dtype: DType) {
    this.scale = filled([width], 1, dtype);
    this.bias = filled([width], 0, dtype);
  }

  forward(x: Variable): Variable {
    return layerNorm(x, this.scale, this.bias, 1e-6);
  }
}
