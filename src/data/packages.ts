/**
 * Optional packages (`sharp`, the emoji sets), loaded when they are needed. Training on shapes needs none.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { MissingPackageError } from "./missingPackageError.ts";

const require = createRequire(import.meta.url);

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND");

/** The error for packages of which at least one is missing. */
const missing = (what: string, packages: readonly string[], cause: unknown): MissingPackageError =>
  new MissingPackageError(`${what}: a package is not installed; run: npm install ${packages.join(" ")}`, { cause });

/** Reads a JSON file of an installed package. Throws `MissingPackageError`, which names all `packages` that `what` needs. */
export async function packageJson(path: string, what: string, packages: readonly string[]): Promise<unknown> {
  let file: string;
  try {
    file = require.resolve(path);
  } catch (error) {
    throw isMissing(error) ? missing(what, packages, error) : error;
  }
  return JSON.parse(await readFile(file, "utf8"));
}

/** Loads the `sharp` function. Throws `MissingPackageError`. */
export async function loadSharp(what: string, packages: readonly string[] = ["sharp"]) {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw isMissing(error) ? missing(what, packages, error) : error;
  }
}
