/** Reads a file for an index: what is known of it, and the image as model input if it is a picture. */
import { PictureError, type PreparedPicture, readBytes, sniffFile, takenAt } from "../data/index.ts";
import { isSystemError, type OpenModel, sha256 } from "../run/index.ts";
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
  /** The embedding of a picture by the SHA-256 of its file, if it is known. */
  readonly known: (sha256: string) => Float32Array | undefined;
  readonly warn: (message: string) => void;
}

/** Unreadable files with such a name are worth a warning. */
const PICTURE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|avif|tiff?|svg)$/i;

/** A file that changed so shortly before it was read may change again within the same tick of the file system's clock. */
const SETTLED_MS = 2000;

/** Reads `path`, which the index calls `file`; `undefined` if it is not there any more. */
export async function readPhoto(
  path: string,
  file: string,
  { model, known, warn }: ReadPhotoOptions,
): Promise<ReadPhoto | undefined> {
  try {
    const { bytes, modified } = stampOf(path);
    const isSettled = Date.now() - modified > SETTLED_MS;
    const stamp = { file, bytes, modified: isSettled ? modified : 0 };
    const read = await readContents(path, { model, known, warn });
    const after = stampOf(path);
    const isSame = after.bytes === bytes && after.modified === modified;
    return { ...read, facts: { ...stamp, ...(isSame ? {} : { modified: 0 }), ...read.facts } };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== "ENOENT") warn(`file "${path}" cannot be read (${error.code}): skipped`);
    return undefined;
  }
}

type Contents = Omit<ReadPhoto, "facts"> & { readonly facts: Pick<PhotoFacts, "sha256" | "taken" | "skipped"> };

async function readContents(path: string, { model, known, warn }: ReadPhotoOptions): Promise<Contents> {
  try {
    const { is, kind } = await sniffFile(path);
    if (is !== "readable" && !(is === "other" && PICTURE_NAME.test(path))) return { kind, facts: { skipped: kind } };
    const bytes = await readBytes(path);
    const hash = sha256(bytes);
    const taken = await takenAt(bytes);
    const facts = { sha256: hash, ...(taken === undefined ? {} : { taken }) };
    const embedding = known(hash);
    return embedding ? { kind, facts, embedding } : { kind, facts, picture: await model.pictures.read(path) };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    warn(error.message);
    return { kind: error.kind, facts: { skipped: error.kind } };
  }
}
