/** A file of its own, so that the types of the public API do not reach those of the optional packages. */

/** A package this function needs is not installed. The message is the command that installs it. */
export class MissingPackageError extends Error {
  override readonly name = "MissingPackageError";
}
