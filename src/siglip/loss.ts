/**
 * The sigmoid loss (SigLIP section 3.2, Algorithm 1): every pair of an image and a text is a binary question.
 *
 *     L = −(1/n) Σᵢ Σⱼ log σ(zᵢⱼ·(t·⟨xᵢ, yⱼ⟩ + b)),   zᵢⱼ = 1 if i = j else −1
 *
 * Divided by n, not n²: a sum over texts, a mean over images. zimg, ztxt [n, d], rows of length 1; t = exp(t′).
 */
import { add, div, exp, logSigmoid, matmul, mul, neg, sum, type Variable } from "../autograd/index.ts";
import { eye, ShapeError, mul as scale, show, sub, type Tensor } from "../tensor/index.ts";

/** t·⟨xᵢ, yⱼ⟩ + b for all pairs: [n, m]. */
export function pairLogits(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  return add(mul(matmul(zimg, ztxt, { transposeB: true }), exp(tPrime)), b);
}

/** −Σ log σ(label·logit) over all pairs of a block; labels are +1 where a pair belongs together and −1 elsewhere. */
const pairLoss =
  (labels: Tensor) =>
  (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable =>
    neg(sum(logSigmoid(mul(pairLogits(zimg, ztxt, tPrime, b), labels))));

export function checkPairs(op: string, zimg: Variable, ztxt: Variable): number {
  const [n, d] = zimg.shape;
  if (zimg.shape.length !== 2 || ztxt.shape.length !== 2 || ztxt.shape[0] !== n || ztxt.shape[1] !== d) {
    throw new ShapeError(`${op}: images ${show(zimg.shape)} and texts ${show(ztxt.shape)}; both must be [n, d]`);
  }
  if (n === 0) throw new ShapeError(`${op}: the batch is empty`);
  return n;
}

/** The dense form: all n × n pairs at once. */
export function sigmoidLoss(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  const n = checkPairs("sigmoidLoss", zimg, ztxt);
  const labels = sub(scale(eye(n, zimg.value.dtype), 2), 1); // [n, n]  +1 on the diagonal, −1 elsewhere
  return div(pairLoss(labels)(zimg, ztxt, tPrime, b), n);
}
