/** Embeds the pictures of files and folders, for a search among them. */
import { filesOf, PictureError, type PreparedPicture, sniffFile } from "../data/index.ts";
import { embedPictures } from "./embed.ts";
import { joined } from "./joined.ts";
import type { OpenModel } from "./openModel.ts";
import type { PictureReader } from "./pictureReader.ts";

/** Embedded pictures. */
export interface Gallery {
  readonly names: readonly string[];
  readonly zimg: Float32Array; // [N, d]
  /** Number of skipped files by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Pictures that were cropped to the drawing in them and lost more than half of their area. */
  readonly mostlyCut: number;
  /** Number of embedded pictures by the kind of their files, as in `sniffFile`. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Unreadable files with such a name are worth a warning. */
export const PICTURE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|avif|tiff?|svg)$/i;

/** Pictures in memory at a time. */
const AT_ONCE = 256;

/** Reads and embeds pictures by path, folders recursively. Unreadable files are skipped and counted; `warn` receives why. */
export async function embedFiles(
  paths: readonly string[],
  model: Pick<OpenModel, "config" | "embedDim" | "embedImages" | "pictures">,
  warn: (message: string) => void,
): Promise<Gallery> {
  const { pictures } = model;
  const names: string[] = [];
  const embedded: Float32Array[] = [];
  const skipped: Record<string, number> = {};
  const kinds: Record<string, number> = {};
  let waiting: Float32Array[] = [];
  let mostlyCut = 0;
  const embed = (): void => {
    const pixels = (from?: number, end?: number): Float32Array => joined(waiting.slice(from, end));
    embedded.push(embedPictures(model, { count: waiting.length, side: pictures.height, pixels }));
    waiting = [];
  };
  const named = new Set(paths);
  for (const file of filesOf(paths, warn)) {
    const read = await readOne(file, pictures, named.has(file), warn);
    if (typeof read === "string") {
      skipped[read] = (skipped[read] ?? 0) + 1;
      continue;
    }
    names.push(file);
    kinds[read.kind] = (kinds[read.kind] ?? 0) + 1;
    waiting.push(read.pixels);
    if (read.cutOff > 0.5) mostlyCut++;
    if (waiting.length === AT_ONCE) embed();
  }
  if (waiting.length > 0) embed();
  return { names, zimg: joined(embedded), skipped, mostlyCut, kinds };
}

/** A picture, or the kind of a skipped file. In a folder, files that are not pictures cause no warning. */
async function readOne(
  file: string,
  pictures: PictureReader,
  isNamed: boolean,
  warn: (message: string) => void,
): Promise<(PreparedPicture & { readonly kind: string }) | string> {
  try {
    const { is, kind } = await sniffFile(file);
    if (is !== "readable" && !isNamed && !(is === "other" && PICTURE_NAME.test(file))) return kind;
    return { kind, ...(await pictures.read(file)) }; // or throws, with the kind of the file
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    warn(error.message);
    return error.kind;
  }
}
