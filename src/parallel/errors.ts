/** Failures of a run on several devices. */

/** A device failed; the run has ended, and so have all devices. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  /** The device that caused the failure: for a wait that took too long, the late one, not the one that waited. */
  readonly rank: number;

  constructor(rank: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.rank = rank;
  }
}

/** Ranks called different operations, or the same one with different shapes. */
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

/** Numbers have changed since they were computed: silent corruption of memory. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  /** Ranks with wrong numbers; empty if they cannot be determined. */
  readonly suspects: readonly number[];

  constructor(message: string, suspects: readonly number[]) {
    super(message);
    this.suspects = suspects;
  }
}
