/** Reads a file for an index: what is known of it, and the image as model input if it is a picture. */
import { PictureError, type PreparedPicture, type Preparer, readBytes, sniffFile, takenAt } from "../data/index.ts";
import { isSystemError, type OpenModel, PICTURE_NAME, sha256 } from "../run/index.ts";
import type { PhotoFacts } from "./facts.ts";
import { stampOf } from "./scan.ts";

/** A file that was read. */
export interface ReadPhoto {
  readonly facts: PhotoFacts;
  /** A picture whose embedding is not known. */
  readonly picture?: PreparedPicture;
  /** The known embedding of a picture. */
  readonly embedding?: Float32Array;
  /** The kind of its file, as in `sniffFile`. */
  readonly kind: string;
}

/** Options of `readPhoto`. */
export interface ReadPhotoOptions {
  readonly model: Pick<OpenModel, "pictures">;
  readonly preparer: Preparer;
  /** The embedding of a picture by the SHA-256 of its file, if it is known. */
  readonly known: (sha256: string) => Float32Array | undefined;
  readonly warn: (message: string) => void;
}

/** A file that changed so shortly before it was read may change again within the same tick of the file system's clock. */
const SETTLED_MS = 2000;

/** Reads `path`, which the index calls `file`; `undefined` if it cannot be read now, as one that is gone. */
export async function readPhoto(path: string, file: string, options: ReadPhotoOptions): Promise<ReadPhoto | undefined> {
  try {
    const stamp = stampOf(path);
    const isSettled = Date.now() - stamp.modified > SETTLED_MS;
    const read = await readContents(path, options);
    const after = stampOf(path);
    const isProven = isSettled && after.bytes === stamp.bytes && after.modified === stamp.modified;
    return { ...read, facts: { file, ...stamp, ...(isProven ? {} : { again: true }), ...read.facts } };
  } catch (error) {
    const cause = error instanceof PictureError ? error.cause : error;
    if (!isSystemError(cause)) throw error;
    if (cause.code !== "ENOENT") options.warn(`file "${path}" cannot be read now (${cause.code})`);
    return undefined;
  }
}

type Contents = Omit<ReadPhoto, "facts"> & { readonly facts: Pick<PhotoFacts, "sha256" | "taken" | "skipped"> };

async function readContents(path: string, { model, preparer, known, warn }: ReadPhotoOptions): Promise<Contents> {
  try {
    const { is, kind } = await sniffFile(path);
    if (is !== "readable" && !(is === "other" && PICTURE_NAME.test(path))) return { kind, facts: { skipped: kind } };
    const bytes = await readBytes(path);
    const hash = sha256(bytes);
    const taken = await takenAt(bytes);
    const facts = { sha256: hash, ...(taken === undefined ? {} : { taken }) };
    const embedding = known(hash);
    if (embedding) return { kind, facts, embedding };
    return { kind, facts, picture: await preparer.input(model.pictures.input, bytes, path) };
  } catch (error) {
    if (!(error instanceof PictureError) || isSystemError(error.cause)) throw error;
    warn(error.message);
    return { kind: error.kind, facts: { skipped: error.kind } };
  }
}
