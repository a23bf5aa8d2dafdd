/** Errors of optimizers. */

/** A parameter has no gradient, or an option, a pattern or the schedule factor is invalid. */
export class OptimizerError extends Error {
  override readonly name = "OptimizerError";
}

/** A loss or a gradient is not finite; nothing was updated. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
}
