/** Transformer MLP: Dense → GELU → Dense.   [..., D] → [..., mlpDim] → [..., D] */
import { type GeluForm, mlp, type Variable } from "../autograd/index.ts";
import type { DType, Rng } from "../tensor/index.ts";
import { normal, xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";

const BIAS_STD = 1e-6; // big_vision draws only the biases of the MLP at random

/** Sizes of an MLP, and its GELU. */
export interface MlpConfig {
  readonly width: number;
  readonly mlpDim: number;
  /** "tanh" by default. */
  readonly gelu?: GeluForm;
}

/** Dense → GELU → Dense, and a residual if one is given.   x, plus [..., D] → [..., D] */
export class Mlp {
  readonly dense1: Linear;
  readonly dense2: Linear;
  readonly #gelu: GeluForm;

  constructor(rng: Rng, { width, mlpDim, gelu = "tanh" }: MlpConfig, dtype: DType) {
    const dense = (name: string, inputs: number, outputs: number): Linear => {
      const own = rng.split(name);
      return new Linear(
        xavierUniform(own.split("kernel"), [inputs, outputs], inputs, outputs, dtype),
        normal(own.split("bias"), [outputs], BIAS_STD, dtype),
      );
    };
    this.dense1 = dense("dense1", width, mlpDim);
    this.dense2 = dense("dense2", mlpDim, width);
    this.#gelu = gelu;
  }

  forward(x: Variable, plus?: Variable): Variable {
    const { kernel, bias } = this.dense1;
    const { dense2 } = this;
    return mlp(x, kernel, bias, dense2.kernel, dense2.bias, this.#gelu, plus);
  }
}
