/** What every evaluator throws when its inputs do not fit together: lengths, indices, numbers that are not finite. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}
