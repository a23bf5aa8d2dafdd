/**
 * Embeds the pictures of files and folders, for a search among them.
 *
 * The devices embed some pictures while this thread reads the next ones: they are started for every few hundred, which takes a second,
 * and share them evenly.
 */
import {
  filesOf,
  openPreparer,
  PictureError,
  type PreparedPicture,
  type Preparer,
  readBytes,
  sniffFile,
} from "../data/index.ts";
import { launch } from "../parallel/launch.ts";
import { gridOf, parameterCount, type SigLipConfig } from "../siglip/index.ts";
import { galleryProgram } from "./devicePrograms.ts";
import { embedPictures } from "./embed.ts";
import type { GalleryJob } from "./galleryDevice.ts";
import { joined } from "./joined.ts";
import type { OpenModel } from "./openModel.ts";
import type { PictureReader } from "./pictureReader.ts";
import { readAhead } from "./readAhead.ts";

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

/** Files that are read before they are needed. */
const AHEAD = 32;
/** Pictures that are embedded at a time. */
const AT_ONCE = 512;
/** Work that takes a thread some ten seconds, for which it is worth to start devices. */
const MUCH_GFLOP = 1000;

type ImageModel = Pick<OpenModel, "path" | "config" | "embedDim" | "embedImages" | "pictures">;

/**
 * Reads and embeds pictures by path, folders recursively, on as many as `devices` if they are many. Unreadable files are skipped and
 * counted; `warn` receives why.
 */
export async function embedFiles(
  paths: readonly string[],
  model: ImageModel,
  warn: (message: string) => void,
  devices = 1,
): Promise<Gallery> {
  const { pictures } = model;
  const names: string[] = [];
  const embedded: Promise<Float32Array>[] = [];
  const skipped: Record<string, number> = {};
  const kinds: Record<string, number> = {};
  let waiting: Float32Array[] = [];
  let mostlyCut = 0;
  const embed = async (): Promise<void> => {
    const pictures = waiting;
    waiting = [];
    await embedded.at(-1);
    embedded.push(embedPrepared(model, pictures, devices));
    embedded.at(-1)!.catch(() => {}); // thrown where it is awaited
  };
  const named = new Set(paths);
  const files = filesOf(paths, warn);
  const preparer = openPreparer(files.length, devices);
  try {
    const read = (file: string): Promise<ReadFile> => readOne(file, pictures, preparer, named.has(file));
    for await (const { file, kind, picture, why } of readAhead(files, AHEAD, read)) {
      if (why !== undefined) warn(why);
      if (!picture) {
        skipped[kind] = (skipped[kind] ?? 0) + 1;
        continue;
      }
      names.push(file);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      waiting.push(picture.pixels);
      if (picture.cutOff > 0.5) mostlyCut++;
      if (waiting.length === AT_ONCE) await embed();
    }
  } finally {
    await preparer.close();
  }
  if (waiting.length > 0) await embed();
  return { names, zimg: joined(await Promise.all(embedded)), skipped, mostlyCut, kinds };
}

/** GFLOP of the products for an image: two for each parameter and patch, nearly. */
function gflopOf(config: SigLipConfig): number {
  const [rows, columns] = gridOf(config.image);
  return (2 * parameterCount(config).image * rows * columns) / 1e9;
}

/** At most `most` pictures: as many as take each device some twenty seconds, if devices are worth their start; else undefined. */
export function picturesForDevices({ config }: ImageModel, devices: number, most: number): number | undefined {
  if (devices === 1) return undefined;
  const gflop = gflopOf(config);
  const count = Math.min(most, Math.ceil((2 * MUCH_GFLOP * devices) / gflop));
  return count * gflop >= MUCH_GFLOP ? count : undefined;
}

/** Embeds prepared pictures, on several devices if that is worth their start → [count, d]; the same bits either way. */
export async function embedPrepared(
  model: ImageModel,
  pictures: readonly Float32Array[],
  devices: number,
): Promise<Float32Array> {
  const { height: side, width } = model.pictures;
  const count = pictures.length;
  if (devices > 1 && count * gflopOf(model.config) >= MUCH_GFLOP) {
    const pixels = new Float32Array(new SharedArrayBuffer(4 * count * pictures[0].length));
    pictures.forEach((each, i) => {
      pixels.set(each, i * each.length);
    });
    return embedOnDevices({ model: model.path, pixels, count, side, width }, devices);
  }
  const pixels = (from?: number, end?: number): Float32Array => joined(pictures.slice(from, end));
  return embedPictures(model, { count, side, width, pixels });
}

/** Embeddings of pictures, which the devices share: those of one device, to the bit. */
export async function embedOnDevices(job: GalleryJob, devices: number): Promise<Float32Array> {
  const [first] = await launch<GalleryJob, Float32Array>(galleryProgram, devices, job).results;
  return first;
}

/** A file that was read. */
interface ReadFile {
  readonly file: string;
  /** As in `sniffFile`. */
  readonly kind: string;
  /** Without one the file is skipped. */
  readonly picture?: PreparedPicture;
  /** Why it is skipped, if that is worth a warning: in a folder, files that are not pictures cause none. */
  readonly why?: string;
}

async function readOne(file: string, pictures: PictureReader, preparer: Preparer, isNamed: boolean): Promise<ReadFile> {
  try {
    const { is, kind } = await sniffFile(file);
    if (is !== "readable" && !isNamed && !(is === "other" && PICTURE_NAME.test(file))) return { file, kind };
    return { file, kind, picture: await preparer.input(pictures.input, await readBytes(file), file) };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { file, kind: error.kind, why: error.message };
  }
}
