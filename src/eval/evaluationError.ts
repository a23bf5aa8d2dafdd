/** Inputs of an evaluation that do not fit: lengths, indices, numbers that are not finite. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}
