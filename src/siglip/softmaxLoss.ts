/**
 * The contrastive baseline (CLIP, InfoNCE): each image must find its text among all, and each text its image.
 *
 *     L = −(1/2n) Σᵢ (log softmaxⱼ(ℓᵢⱼ)|ⱼ₌ᵢ + log softmaxⱼ(ℓⱼᵢ)|ⱼ₌ᵢ),   ℓ = t·x·yᵀ, no bias
 *
 * Two normalizations, over rows and over columns, where the sigmoid loss has none. Radford et al. 2021, arXiv:2103.00020.
 */
import { add, div, exp, logSumExp, matmul, mul, sub, sum, transpose, type Variable } from "../autograd/index.ts";
import { checkPairs } from "./loss.ts";

/** zimg, ztxt [n, d] with rows of length 1. */
export function softmaxLoss(zimg: Variable, ztxt: Variable, tPrime: Variable): Variable {
  const n = checkPairs("softmaxLoss", zimg, ztxt);
  const t = exp(tPrime);
  const logits = mul(matmul(zimg, ztxt, { transposeB: true }), t); // [n, n]
  const matching = mul(sum(mul(zimg, ztxt)), t); // Σᵢ ℓᵢᵢ
  const normalizers = add(sum(logSumExp(logits)), sum(logSumExp(transpose(logits))));
  return div(sub(normalizers, mul(matching, 2)), 2 * n);
}
