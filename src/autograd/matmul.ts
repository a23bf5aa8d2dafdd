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

/** x·kernel + bias (+ plus, a residual) over the last axis.   x [..., I]   kernel [I, O]   bias [O]   plus [..., O] */
export const linear = op("linear", (x: Tensor, kernel: Tensor, bias?: Tensor, plus?: Tensor) => ({
  value: T.linear(x, kernel, bias, plus),
  vjp: (g, needs) => [...linearVjp(x, kernel, g, needs), g],
  saves: [x, kernel], // not the value: this derivative does not read it, and others may not either
}));

const GELU = { tanh: "gelu", erf: "geluErf" } as const;

/** The form of GELU: the tanh approximation (big_vision, Hugging Face's SigLIP) or x·Φ(x) (AugReg, timm, open_clip's first SigLIP). */
export type GeluForm = keyof typeof GELU;

/**
 * gelu(x·kernel1 + bias1)·kernel2 + bias2 (+ plus), the MLP of a transformer.   x, plus [..., D]   kernel1 [D, H]   kernel2 [H, D]
 *
 *   dhidden = (g·kernel2ᵀ) ⊙ gelu′
 *
 * The input of gelu is needed only for its derivative, so the forward pass overwrites it with the derivative: the backward pass
 * needs no exponential, and multiplies by it while the product is in registers.
 */
export const mlp = op(
  "mlp",
  (
    x: Tensor,
    kernel1: Tensor,
    bias1: Tensor,
    kernel2: Tensor,
    bias2: Tensor,
    form: GeluForm = "tanh",
    plus?: Tensor,
  ) => {
    const { value: hidden, derivative } = T.unaryWithDerivative(GELU[form], T.linear(x, kernel1, bias1));
    return {
      value: T.linear(hidden, kernel2, bias2, plus),
      vjp: (g, needs) => {
        const [, dkernel2, dbias2] = linearVjp(hidden, kernel2, g, [false, needs[3], needs[4]]);
        const ofFirst = needs.slice(0, 3);
        const first = ofFirst.includes(true)
          ? linearVjp(x, kernel1, T.matmulTimes(g, kernel2, derivative, { transposeB: true }), ofFirst)
          : [undefined, undefined, undefined];
        return [...first, dkernel2, dbias2, undefined, g];
      },
      saves: [x, kernel1, hidden, derivative, kernel2],
    };
  },
);
