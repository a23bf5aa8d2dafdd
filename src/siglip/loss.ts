/**
 * The sigmoid loss (SigLIP section 3.2, Algorithm 1): every pair of an image and a text is a binary question.
 *
 *     L = −(1/n) Σᵢ Σⱼ log σ(zᵢⱼ·(t·⟨xᵢ, yⱼ⟩ + b)),   zᵢⱼ = 1 if i = j else −1
 *
 * Divided by n, not n²: a sum over texts, a mean over images. zimg, ztxt [n, d], rows of length 1; t = exp(t′).
 */
import { add, div, exp, logSigmoid, matmul, mul, neg, sum, type Variable } from "../autograd/index.ts";
import { eye, type Operand, type Shape, ShapeError, mul as scale, show, sub } from "../tensor/index.ts";

/** t·⟨xᵢ, yⱼ⟩ + b for all pairs: [n, m]. */
export function pairLogits(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  return add(mul(matmul(zimg, ztxt, { transposeB: true }), exp(tPrime)), b);
}

/** −Σ log σ(label·logit) over a block of pairs; labels are +1 where a pair belongs together and −1 elsewhere. */
const pairLoss = (labels: Operand, zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable =>
  neg(sum(logSigmoid(mul(pairLogits(zimg, ztxt, tPrime, b), labels))));

/** The sum over a block whose row i of images belongs to row i of texts, and to no other. */
export function matchingPairs(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  const labels = sub(scale(eye(zimg.shape[0], zimg.value.dtype), 2), 1); // [n, n]  +1 on the diagonal, −1 elsewhere
  return pairLoss(labels, zimg, ztxt, tPrime, b);
}

/** The sum over a block in which nothing belongs together. */
export const strangers = (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable =>
  pairLoss(-1, zimg, ztxt, tPrime, b);

/** The number of pairs. Throws `ShapeError` unless both are [n, d] with n of at least 1. */
export function checkPairs(op: string, zimg: { shape: Shape }, ztxt: { shape: Shape }): number {
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
  return div(matchingPairs(zimg, ztxt, tPrime, b), n);
}
