/** Matrix products. C = A·B gives dA = dC·Bᵀ and dB = Aᵀ·dC; transposes only change the flags. */

import type { Tensor, Transposes } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op, type Vjp } from "./op.ts";

const rows = (x: Tensor): Tensor => T.reshape(x, [-1, x.shape[x.shape.length - 1]]);

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

const linearVjps = (x: Tensor, kernel: Tensor): readonly Vjp[] => [
  (g) => T.matmul(g, kernel, { transposeB: true }),
  (g) => T.matmul(rows(x), rows(g), { transposeA: true }),
  (g) => T.sum(rows(g), { axis: 0 }),
];

/** x·kernel + bias over the last axis.   x [..., I]   kernel [I, O]   bias [O] */
export const linear = op("linear", (x: Tensor, kernel: Tensor, bias?: Tensor) => ({
  value: T.linear(x, kernel, bias),
  vjps: linearVjps(x, kernel),
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
      return linearVjps(x, kernel).map((vjp, i) => (needs[i] ? vjp(derivative) : undefined));
    },
    saves: [x, kernel, derivative],
  };
});
