/**
 * What a training reads in place of pixels if its image tower is locked and its images are not augmented: their embeddings,
 * from the run folder. They are computed there at the start of a run, or copied from `--embeddings`.
 */
import { existsSync } from "node:fs";
import { openImages, type PairsSpec } from "../data/index.ts";
import {
  type Config,
  embeddingsFile,
  type Fingerprint,
  fingerprintOf,
  imageUse,
  readEmbeddings,
  removeParts,
  type Stored,
  writeEmbeddings,
} from "../run/index.ts";
import { embedImages } from "./embedImages.ts";
import type { Interruption } from "./signals.ts";
import { usageError } from "./usageError.ts";

/** The images of a locked tower, before their embeddings are read. */
export interface LockedImages {
  readonly stored: Stored;
  readonly fingerprint: Fingerprint;
  /** The rows of `--embeddings`. */
  readonly given: Float32Array | undefined;
}

/**
 * Opens the images of a locked tower, and checks `--embeddings` against them; undefined if the run reads pixels. Throws
 * `ConfigError` if it does and `--embeddings` is given, and the errors of `readEmbeddings`.
 */
export async function openLockedImages(
  config: Config,
  stored: Stored | undefined,
  pairs: PairsSpec,
  given: string | undefined,
): Promise<LockedImages | undefined> {
  const images = imageUse(config) === "embedded" && stored ? await openImages(pairs) : undefined;
  if (images && stored) {
    const fingerprint = fingerprintOf(config, stored, images);
    return { stored, fingerprint, given: given === undefined ? undefined : readEmbeddings(given, fingerprint) };
  }
  if (given === undefined) return undefined;
  const detail =
    "--embeddings is for a locked image tower and images that are the same in every step: --lock image with data.augment=none and data.strokeProbability=0, as in --preset emoji-siglit";
  throw usageError("--embeddings", detail);
}

/** The embeddings of a run, from its folder; if they are not there, they are written first. Returns a signal that interrupts that. */
export async function embeddingsOf(
  { path, config }: { readonly path: string; readonly config: Config },
  { stored, fingerprint, given }: LockedImages,
  pairs: PairsSpec,
  devices: number,
  deadline: number,
): Promise<Float32Array | Interruption> {
  const file = embeddingsFile(path);
  if (existsSync(file))
    removeParts(file); // a kill may have come before
  else {
    if (given) writeEmbeddings(file, given, fingerprint);
    else {
      const signal = await embedImages({ config, stored, pairs, file, fingerprint }, devices, deadline);
      if (signal !== undefined) return signal;
    }
  }
  return readEmbeddings(file, fingerprint);
}
