/**
 * The sigmoid loss (SigLIP section 3.2, Algorithm 1): every pair of an image and a text is a binary question.
 *
 *     L = −(1/n) Σᵢ Σⱼ log σ(zᵢⱼ·ℓᵢⱼ),   ℓᵢⱼ = t·⟨xᵢ, yⱼ⟩ + b,   zᵢⱼ = +1 if i = j else −1
 *
 * The sum is divided by n, not n²: a sum over texts, a mean over images. This form is for reading and for checking others;
 * training computes the same in blocks (`fusedLoss.ts`), and `test/siglip/fusedLoss.test.ts` compares the two.
 */
import { add, div, exp, logSigmoid, matmul, mul, neg, sum, Variable } from "../autograd/index.ts";
import { type BlockRule, eye, type Operand, type PairRule, type Shape, ShapeError, mul as scale, show, sub } from "../tensor/index.ts"; // biome-ignore format: a line
import { hide, labelsOf } from "./pairLabels.ts";

/**
 * The sigmoid loss in its dense form: all n × n pairs at once.   zimg, ztxt [n, d], rows of length 1; tPrime, b [] → []
 *
 * Throws `ShapeError` unless both are [n, d].
 */
export function sigmoidLoss(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  requireVariables("sigmoidLoss", { zimg, ztxt, tPrime, b });
  const n = checkPairs("sigmoidLoss", zimg, ztxt);
  const logits = pairLogits(zimg, ztxt, tPrime, b); // [n, n]
  const labels = diagonalLabels(n, zimg); // [n, n]
  return div(pairLoss(logits, labels), n);
}

/** −Σ log σ(z·ℓ) over all pairs of a block. */
const pairLoss = (logits: Variable, labels: Operand): Variable => neg(sum(logSigmoid(mul(logits, labels))));

/** The logits t·⟨xᵢ, yⱼ⟩ + b of all pairs, t = exp(t′): [n, m]. */
export function pairLogits(zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable {
  return add(mul(matmul(zimg, ztxt, { transposeB: true }), exp(tPrime)), b);
}

/** 2·I − 1: +1 on the diagonal, where image and text match, and −1 elsewhere. */
const diagonalLabels = (n: number, { value }: Variable): Operand => sub(scale(eye(n, value.dtype), 2), 1);

// A large batch is computed block by block: the rows of one device against the texts of one device.

/** The loss of a block whose diagonal holds the matching pairs: own images against own texts. */
const matchingBlock = (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable =>
  pairLoss(pairLogits(zimg, ztxt, tPrime, b), diagonalLabels(zimg.shape[0], zimg));

/** The loss of a block of negatives: own images against the texts of another device. */
const negativeBlock = (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable =>
  pairLoss(pairLogits(zimg, ztxt, tPrime, b), -1);

/** The loss of a block by a rule: the labels of its pairs are constants, and masked pairs have neither loss nor gradient. */
const ruledBlock =
  (rule: BlockRule) =>
  (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable): Variable => {
    const similarities = matmul(zimg, ztxt, { transposeB: true });
    const { labels, counted } = labelsOf(rule, similarities.value);
    const logits = add(mul(hide(similarities, counted), exp(tPrime)), b);
    return neg(sum(mul(logSigmoid(mul(logits, labels)), counted)));
  };

/** The loss of the images of one device with the texts of another, or its own, as a function. Each device has n rows. */
export function deviceBlock(n: number, image: number, text: number, devices: number, rule?: PairRule) {
  if (rule) return ruledBlock({ ...rule, row: image * n, col: text * n, batch: devices * n });
  return image === text ? matchingBlock : negativeBlock;
}

/** The number of pairs. Throws `ShapeError` unless both are [n, d] with n of at least 1. */
export function checkPairs(op: string, zimg: { shape: Shape }, ztxt: { shape: Shape }): number {
  const [n, d] = zimg.shape;
  if (zimg.shape.length !== 2 || ztxt.shape.length !== 2 || ztxt.shape[0] !== n || ztxt.shape[1] !== d) {
    throw new ShapeError(`${op}: images ${show(zimg.shape)} and texts ${show(ztxt.shape)}; both must be [n, d]`);
  }
  if (n === 0) throw new ShapeError(`${op}: the batch is empty`);
  return n;
}

function requireVariables(op: string, values: Readonly<Record<string, Variable>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value instanceof Variable) continue;
    throw new TypeError(`${op}: ${name} must be a variable; constant(tensor) makes one, or parameter(tensor)`);
  }
}
