/** Dense layer: y = x·kernel + bias.   x [..., I]   kernel [I, O]   bias [O] */
import { linear, type Variable } from "../autograd/index.ts";
import { filled } from "./init.ts";

/** Dense layer.   x [..., I] → [..., O] */
export class Linear {
  readonly kernel: Variable;
  readonly bias: Variable;

  /** Takes an initialized kernel; the bias defaults to 0. */
  constructor(kernel: Variable, bias?: Variable) {
    this.kernel = kernel;
    this.bias = bias ?? filled([kernel.shape[1]], 0, kernel.value.dtype);
  }

  /** With `plus`, a residual that is added.   plus [..., O] */
  forward(x: Variable, plus?: Variable): Variable {
    return linear(x, this.kernel, this.bias, plus);
  }
}
