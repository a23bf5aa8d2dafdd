/** Images, texts, and the image that each text describes: what retrieval and calibration check of them. */
import { type Embeddings, rowsOf } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";

/** Number of images and width of both sides. Throws `EvaluationError` if rows, widths or owners do not fit. */
export function checkPairs(
  op: string,
  zimg: Embeddings,
  ztxt: Embeddings,
  owner: ArrayLike<number>,
): { images: number; d: number } {
  const texts = owner.length;
  if (texts < 1) throw new EvaluationError(`${op}: no texts; there is nothing to retrieve`);
  const d = ztxt.length / texts;
  if (!Number.isInteger(d) || d < 1) {
    throw new EvaluationError(
      `${op}: ztxt holds ${ztxt.length} numbers for ${texts} owners; rows must have equal width`,
    );
  }
  rowsOf(op, "ztxt", ztxt, d);
  const images = rowsOf(op, "zimg", zimg, d);
  checkOwners(op, owner, images);
  return { images, d };
}

/** Throws `EvaluationError` if a text belongs to no image. */
export function checkOwners(op: string, owner: ArrayLike<number>, images: number): void {
  for (let j = 0; j < owner.length; j++) {
    if (!Number.isInteger(owner[j]) || owner[j] < 0 || owner[j] >= images) {
      throw new EvaluationError(`${op}: text ${j} belongs to image ${owner[j]}, which is not in 0..${images - 1}`);
    }
  }
}
