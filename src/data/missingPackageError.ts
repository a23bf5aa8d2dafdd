// In its own file, so that the types of the public API do not depend on those of the optional packages.

/** An optional package is not installed; the message names the command that installs it. */
export class MissingPackageError extends Error {
  override readonly name = "MissingPackageError";
}
