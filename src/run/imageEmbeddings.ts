/**
 * Files of image embeddings, computed once with a locked tower and read in every step (SigLiT, SigLIP section 4.1).
 *
 *   embeddings     F32 [images, d], rows of length 1, in the order of the data
 *   metadata       format, version, the fingerprint, the first row, SHA-256 of the rows
 *
 * The fingerprint names all that the rows depend on, so that a file of another tower or of other images is never used. While a
 * file is computed, its rows are written in parts, each a file of the same format in `FILE.parts/`; a later start continues.
 */
import { dirname, join } from "node:path";
import type { ImageList } from "../data/index.ts";
import { FormatError, printable, readSafetensors, type SafetensorsTensor, writeSafetensors } from "../formats/index.ts";
import { sha256 } from "./checkpoint.ts";
import { type Config, digested } from "./config.ts";
import { type Fs, isSystemError, makeFolders, realFs, writeDurably } from "./fs.ts";
import type { Stored } from "./trainingState.ts";
import { sha256OfWeights, weightsOf } from "./weights.ts";

/** A file of embeddings cannot be used; the message says what differs. */
export class EmbeddingsError extends Error {
  override readonly name = "EmbeddingsError";

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options); // it repeats a path, which may contain control characters
  }
}

/** All that embeddings depend on. */
export interface Fingerprint {
  /** SHA-256 of the weights of the image tower. */
  readonly tower: string;
  /** SHA-256 of the sizes of the tower and of how an image becomes its input. */
  readonly preprocessing: string;
  /** SHA-256 of the images in any order. */
  readonly images: string;
  /** SHA-256 of the images in their order. */
  readonly order: string;
  /** Number of images. */
  readonly count: number;
  /** d, numbers in a row. */
  readonly width: number;
}

const FORMAT = "siglip-ts embeddings";
const VERSION = "1";
const TENSOR = "embeddings";
/** Version of the way from an image to the input of the tower. */
const INPUT = 1;
/** How far a row may be from length 1: rounding in f32. */
const LENGTH_TOLERANCE = 1e-3;

/** The fingerprint of the embeddings of `images` by the tower of a checkpoint. */
export function fingerprintOf(config: Config, stored: Pick<Stored, "tensors">, images: ImageList): Fingerprint {
  const { embedDim } = config.model;
  const { image } = (digested(config) as Pick<Config, "model">).model; // without keys that are newer than a file may be
  const preprocess = config.data.preprocess === "none" ? [] : [config.data.preprocess];
  const hashes = Array.from({ length: images.count }, (_, i) => sha256(images.stored(i)));
  return {
    tower: sha256OfWeights(weightsOf(stored), "image/"),
    preprocessing: sha256(JSON.stringify([INPUT, image, embedDim, config.data.trim, ...preprocess])),
    images: sha256([...hashes].sort().join()),
    order: sha256(hashes.join()),
    count: images.count,
    width: embedDim,
  };
}

/** A block of rows: rows first..first+count−1 of all. */
export interface Block {
  readonly first: number;
  readonly count: number;
}

/** All rows as one block. */
const whole = ({ count }: Fingerprint): Block => ({ first: 0, count });

/** Writes rows durably. */
export function writeEmbeddings(
  file: string,
  rows: Float32Array,
  { tower, preprocessing, images, order, count, width }: Fingerprint,
  { first }: Block = { first: 0, count },
  fs: Fs = realFs,
): void {
  const data = Float32Array.from(rows); // not shared
  const tensor: SafetensorsTensor = { dtype: "F32", shape: [data.length / width, width], data };
  const metadata = new Map([
    ...Object.entries({ format: FORMAT, version: VERSION, tower, preprocessing, images, order }),
    ...Object.entries({ count: `${count}`, first: `${first}`, rows: hashOf(data) }),
  ]);
  writeDurably(fs, file, writeSafetensors(new Map([[TENSOR, tensor]]), metadata));
}

const hashOf = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  sha256(new Uint8Array(buffer, byteOffset, byteLength));

/** What is said of a part of the fingerprint that differs. */
const DIFFERENCES = {
  tower: "it was computed with another image tower",
  preprocessing: "its images were prepared in another way, or its tower has other sizes",
  images: "its images are others, or have changed",
  order: "its images are in another order",
} as const;

/** What differs between the metadata of a file and a fingerprint, in words. */
function differences(metadata: ReadonlyMap<string, string>, expected: Fingerprint): string[] {
  const count = Number(metadata.get("count"));
  if (count !== expected.count) return [`it holds ${count} images, and the data has ${expected.count}`];
  const parts = (Object.keys(DIFFERENCES) as (keyof typeof DIFFERENCES)[]).filter(
    (part) => metadata.get(part) !== expected[part],
  );
  // The order of other images says nothing.
  return parts.filter((part) => part !== "order" || !parts.includes("images")).map((part) => DIFFERENCES[part]);
}

/**
 * Reads rows in memory that threads share. Throws `FormatError` for a file that is no safetensors file or was cut short,
 * `EmbeddingsError` for one that does not fit, and says what differs.
 */
export function readEmbeddings(
  file: string,
  expected: Fingerprint,
  block: Block = whole(expected),
  fs: Fs = realFs,
): Float32Array {
  const refuse = (detail: string): never => {
    throw new EmbeddingsError(`${file}: ${detail}`);
  };
  const { tensors, metadata } = readSafetensors(readFile(file, fs), file);
  const tensor = tensors.get(TENSOR);
  if (metadata.get("format") !== FORMAT || !tensor) {
    return refuse(`it is not a file of siglip embed: expected a tensor "${TENSOR}" and the metadata format=${FORMAT}`);
  }
  if (metadata.get("version") !== VERSION) {
    return refuse(`its version is ${metadata.get("version")}, this program reads ${VERSION}`);
  }
  const { data, shape, dtype } = tensor;
  if (!(data instanceof Float32Array) || dtype !== "F32") return refuse(`embeddings are ${dtype}, not F32`);
  const differs = differences(metadata, expected);
  if (differs.length > 0) refuse(`${differs.join("; ")}: compute it with siglip embed, on the data that is trained on`);
  const { width } = expected;
  if (shape.length !== 2 || shape[0] !== block.count || shape[1] !== width) {
    refuse(`embeddings are [${shape.join(", ")}], not [${block.count}, ${width}]`);
  }
  if (Number(metadata.get("first")) !== block.first) refuse("it is a part of a file; let siglip embed finish it");
  checkRows(data, width, refuse);
  if (metadata.get("rows") !== hashOf(data)) refuse("its rows are damaged: their SHA-256 differs; compute them again");
  const shared = new Float32Array(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  return shared;
}

function readFile(file: string, fs: Fs): Uint8Array {
  try {
    return fs.read(file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOENT") throw error;
    throw new EmbeddingsError(`${file}: there is no such file`, { cause: error });
  }
}

/** Every number is finite, and every row has length 1. */
function checkRows(data: Float32Array, width: number, refuse: (detail: string) => never): void {
  for (let row = 0; row * width < data.length; row++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += data[row * width + i] ** 2;
    if (!Number.isFinite(squares)) refuse(`row ${row} holds NaN or infinity`);
    const length = Math.sqrt(squares);
    if (Math.abs(length - 1) > LENGTH_TOLERANCE) refuse(`row ${row} has length ${length.toPrecision(4)}, not 1`);
  }
}

/** Rows in a part: few enough that a kill loses little work. */
const PART_ROWS = 4096;

/** The file of a part. */
export const partFile = (file: string, { first }: Block): string => join(partsOf(file), `${first}.safetensors`);

const partsOf = (file: string): string => `${file}.parts`;

const blocksOf = (count: number, rows: number): Block[] =>
  Array.from({ length: Math.ceil(count / rows) }, (_, i) => ({
    first: i * rows,
    count: Math.min(rows, count - i * rows),
  }));

/** Makes the folder of the parts of a file; returns the parts that are still to be computed. */
export function missingParts(file: string, expected: Fingerprint, rows = PART_ROWS, fs: Fs = realFs): Block[] {
  makeFolders(fs, partsOf(file));
  return blocksOf(expected.count, rows).filter((block) => {
    try {
      readEmbeddings(partFile(file, block), expected, block, fs);
      return false;
    } catch (error) {
      if (error instanceof EmbeddingsError || error instanceof FormatError) return true; // of another start, or never written
      throw error;
    }
  });
}

/** Joins all parts in the file, then removes them. */
export function joinParts(file: string, expected: Fingerprint, rows = PART_ROWS, fs: Fs = realFs): void {
  const all = new Float32Array(expected.count * expected.width);
  for (const block of blocksOf(expected.count, rows)) {
    all.set(readEmbeddings(partFile(file, block), expected, block, fs), block.first * expected.width);
  }
  writeEmbeddings(file, all, expected, undefined, fs);
  removeParts(file, fs);
}

/** Removes the parts of a complete file, if there are any. */
export function removeParts(file: string, fs: Fs = realFs): void {
  const parts = partsOf(file);
  if (!fs.isFolder(parts)) return;
  for (const name of fs.list(parts)) fs.remove(join(parts, name));
  fs.removeFolder(parts);
  fs.syncFolder(dirname(file));
}
