/** How a run on several devices can fail. */

/** A device failed; the run has ended and no device is left behind. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  /** The device that is to blame: of a wait that took too long the late one, not the one that waited. */
  readonly rank: number;

  constructor(rank: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.rank = rank;
  }
}

/** Ranks called different operations, or the same one with different shapes: their programs have come apart. */
export class DesyncError extends Error {
  override readonly name = "DesyncError";
}

/** A rank waited longer than its deadline for another. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** The run was ended from outside while this rank was waiting. */
export class AbortedError extends Error {
  override readonly name = "AbortedError";
}

/** Numbers are not what they were made as: memory was altered, and nobody was told. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  /** Ranks whose numbers are the wrong ones; none where that cannot be told. */
  readonly suspects: readonly number[];

  constructor(message: string, suspects: readonly number[]) {
    super(message);
    this.suspects = suspects;
  }
}
