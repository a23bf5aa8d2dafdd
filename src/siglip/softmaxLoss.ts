/**
 * The contrastive baseline (CLIP, InfoNCE): each image must find its text among all texts, and each text its image.
 *
 *     L = −(1/2n) Σᵢ (log softmaxⱼ(ℓᵢⱼ)|ⱼ₌ᵢ + log softmaxⱼ(ℓⱼᵢ)|ⱼ₌ᵢ),   ℓ = t·x·yᵀ, no bias
 *
 * Two normalizations, over rows and over columns, where the sigmoid loss has none. Radford et al. 2021, arXiv:2103.00020.
 *
 * The two terms of log Σⱼ e^ℓᵢⱼ − ℓᵢᵢ are nearly equal for a good model, so their difference would be mostly rounding error and
 * sometimes negative. It is therefore written with the negatives alone:
 *
 *     −log softmaxⱼ(ℓᵢⱼ)|ⱼ₌ᵢ = log(1 + e^sᵢ),   sᵢ = log Σⱼ≠ᵢ e^(ℓᵢⱼ − ℓᵢᵢ)
 *
 *     ∂/∂ℓᵢⱼ = pᵢⱼ = σ(sᵢ)·softmaxⱼ≠ᵢ(ℓᵢⱼ − ℓᵢᵢ)        ∂/∂ℓᵢᵢ = −Σⱼ≠ᵢ pᵢⱼ, which is pᵢᵢ − 1
 */
import { add, div, exp, matmul, mul, op, sum, transpose, type Variable } from "../autograd/index.ts";
import * as T from "../tensor/index.ts";
import { checkPairs } from "./loss.ts";
import { hide, labelsOf } from "./pairLabels.ts";

/** The softmax loss.   zimg, ztxt [n, d], rows of length 1; tPrime [] → []. Throws `ShapeError` unless both are [n, d]. */
export const softmaxLoss = (zimg: Variable, ztxt: Variable, tPrime: Variable): Variable =>
  ruledSoftmaxLoss(zimg, ztxt, tPrime);

/** The softmax loss; pairs that the rule masks are left out of both normalizers. */
export function ruledSoftmaxLoss(zimg: Variable, ztxt: Variable, tPrime: Variable, rule?: T.PairRule): Variable {
  const n = checkPairs("softmaxLoss", zimg, ztxt);
  const similarities = matmul(zimg, ztxt, { transposeB: true });
  const counted = rule && labelsOf({ ...rule, row: 0, col: 0, batch: n }, similarities.value).counted;
  const logits = mul(counted ? hide(similarities, counted) : similarities, exp(tPrime)); // [n, n]
  const ofRows = missed(logits, counted);
  const ofColumns = missed(transpose(logits), counted && T.transpose(counted));
  return div(add(sum(ofRows), sum(ofColumns)), 2 * n);
}

/** Added to ℓᵢᵢ − ℓᵢᵢ, so that NaN stays NaN. Finite: a single pair has s = −1e30 and loss 0, without ∞ − ∞. */
const NOTHING = -1e30;

/** −log softmaxⱼ(ℓᵢⱼ)|ⱼ₌ᵢ of every row i; `counted` is 0 where a pair is masked, or undefined.   logits [n, n] → [n] */
const missed = op("missed", (logits: T.Tensor, counted: T.Tensor | undefined) => {
  const n = logits.shape[0];
  const others = T.sub(logits, diagonal(logits)); // [n, n]
  onDiagonal(others, (zero) => zero + NOTHING);
  if (counted) maskWhere(others, counted);
  const s = T.logSumExp(others); // [n]
  return {
    value: T.softplus(s),
    vjps: [
      (g) => {
        const p = T.mul(T.softmax(others), T.reshape(T.mul(g, T.sigmoid(s)), [n, 1]));
        const all = T.sum(p, { axis: 1 }).data; // pᵢᵢ is 0
        onDiagonal(p, (_, i) => 0 - all[i]);
        return p;
      },
    ],
    saves: [others, s],
  };
});

/** Where `counted` is 0, x becomes NOTHING. */
function maskWhere(x: T.Tensor, counted: T.Tensor): void {
  const [values, isCounted] = [x.data, counted.data];
  for (let at = 0; at < values.length; at++) if (isCounted[at] === 0) values[at] = NOTHING;
}

/** [n, n] → [n, 1] */
function diagonal(x: T.Tensor): T.Tensor {
  const [n] = x.shape;
  const { data } = x;
  return T.generate([n, 1], (i) => data[i * (n + 1)], x.dtype);
}

function onDiagonal(x: T.Tensor, change: (value: number, i: number) => number): void {
  const [n] = x.shape;
  const { data } = x;
  for (let i = 0; i < n; i++) data[i * (n + 1)] = change(data[i * (n + 1)], i);
}
