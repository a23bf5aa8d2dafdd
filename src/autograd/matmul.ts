/** Matrix products. C = A·B gives dA = dC·Bᵀ and dB = Aᵀ·dC; transposes only change the flags. */

import type { Tensor, Transposes } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

function rows(x: Tensor): Tensor {
  const cols = x.shape[x.shape.length - 1];
  return x.view([cols === 0 ? 0 : x.size / cols, cols]);
}

/** A·B over the last two axes, leading axes broadcast; flags transpose a factor without a copy.   [..., M, K] · [..., K, N] → [..., M, N] */
export const matmul = op(
  "matmul",
  (a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: Transposes = {}) => ({
    value: T.matmul(a, b, { transposeA, transposeB }),
    vjps: [
      (g) =>
        transposeA
          ? T.matmul(b, g, { transposeA: transposeB, transposeB: true })
          : T.matmul(g, b, { transposeB: !transposeB }),
      (g) => {
        // One matrix on the right of a batch: one product over all rows instead of a sum of products.
        const shared = b.shape.length === 2 && !transposeA;
        const [x, dy] = shared ? [rows(a), rows(g)] : [a, g];
        return transposeB
          ? T.matmul(dy, x, { transposeA: true, transposeB: transposeA })
          : T.matmul(x, dy, { transposeA: !transposeA });
      },
    ],
  }),
);

/** The gradients of x·kernel + bias. That of x comes last: the operation before this one reads it next, from the cache. */
function linearVjp(x: Tensor, kernel: Tensor, g: Tensor, needs: readonly boolean[]): readonly (Tensor | undefined)[] {
  const dkernel = needs[1] ? T.matmul(rows(x), rows(g), { transposeA: true }) : undefined;
  const dbias = needs[2] ? T.sum(rows(g), { axis: 0 }) : undefined;
  const dx = needs[0] ? T.matmul(g, kernel, { transposeB: true }) : undefined;
  return [dx, dkernel, dbias];
}

/** x·kernel + bias over the last axis.   x [..., I]   kernel [I, O]   bias [O] */
export const linear = op("linear", (x: Tensor, kernel: Tensor, bias?: Tensor) => ({
  value: T.linear(x, kernel, bias),
  vjp: (g, needs) => linearVjp(x, kernel, g, needs),
  saves: [x, kernel], // not the value: this derivative does not read it, and others may not either
}));

const GELU = { tanh: "gelu", erf: "geluErf" } as const;

/** The form of GELU: the tanh approximation (big_vision, Hugging Face's SigLIP) or x·Φ(x) (AugReg, timm, open_clip's first SigLIP). */
export type GeluForm = keyof typeof GELU;

/**
 * gelu(x·kernel + bias). The input of gelu is needed only for the derivative, so the forward pass overwrites it with the
 * derivative and the backward pass only multiplies: one exponential instead of two.
 */
export const linearGelu = op("linearGelu", (x: Tensor, kernel: Tensor, bias?: Tensor, form: GeluForm = "tanh") => {
  const { value, derivative } = T.unaryWithDerivative(GELU[form], T.linear(x, kernel, bias));
  return {
    value,
    vjp: (g, needs) => {
      T.mulInto(derivative, g); // backward runs once, so the derivative may be overwritten
      return linearVjp(x, kernel, derivative, needs);
    },
    saves: [x, kernel, derivative],
  };
});
