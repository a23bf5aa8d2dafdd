/**
 * Files that commands share with other programs: texts to embed, and embeddings.
 *
 *   texts        one a line; or .jsonl, with an object that has "text" a line
 *   embeddings   .npy [n, d] · .safetensors, one tensor "embeddings" [n, d] · .jsonl, {"file" or "text", "embedding"} a line; all F32
 */
import { extname } from "node:path";
import { DataError } from "../data/index.ts";
import { isJsonRecord, parseJson, writeNpy, writeSafetensors } from "../formats/index.ts";
import { type Fs, isSystemError, realFs, utf8, writeDurably } from "./fs.ts";

/** Embeddings with what each is of. */
export interface Embedded {
  readonly rows: Float32Array; // [n, d]
  readonly width: number;
  /** What the rows are of. */
  readonly kind: "file" | "text";
  readonly names: readonly string[];
}

const FORMS = {
  ".npy": ({ rows, width }: Embedded) => writeNpy("F32", [rows.length / width, width], Float32Array.from(rows)),
  ".safetensors": ({ rows, width }: Embedded) =>
    writeSafetensors(
      new Map([["embeddings", { dtype: "F32", shape: [rows.length / width, width], data: Float32Array.from(rows) }]]),
    ),
  ".jsonl": ({ rows, width, kind, names }: Embedded) => {
    const line = (name: string, i: number): string => {
      const numbers = Array.from(rows.subarray(i * width, (i + 1) * width), (x) => Number(x.toPrecision(9)));
      return `${JSON.stringify({ [kind]: name, embedding: numbers })}\n`;
    };
    return Buffer.concat(names.map((name, i) => utf8(line(name, i)))); // nine digits give every F32 back
  },
} as const satisfies Record<string, (embedded: Embedded) => Uint8Array>;

/** The endings of files of embeddings. */
export const EMBEDDING_ENDINGS: readonly string[] = Object.keys(FORMS);

/** Writes embeddings durably, in the form that the ending of the file names. Throws `DataError` for another ending. */
export function writeEmbeddingFile(file: string, embedded: Embedded, fs: Fs = realFs): void {
  const ending = extname(file);
  if (!Object.hasOwn(FORMS, ending))
    throw new DataError(`${file}: name a file that ends in ${EMBEDDING_ENDINGS.join(", ")}`);
  writeDurably(fs, file, FORMS[ending as keyof typeof FORMS](embedded));
}

/** The texts of a file. Throws `DataError` for a line without a text or a file that is not UTF-8, `FormatError` for one that is not JSON. */
export function readTexts(file: string, fs: Fs = realFs): string[] {
  const lines = linesOf(readFile(file, fs), file);
  if (lines.length === 0) throw new DataError(`${file} holds no text; write one a line`);
  return lines.map((line, i) => {
    const text = extname(file) === ".jsonl" ? textIn(line, `${file}, line ${i + 1}`) : line;
    if (text.trim() === "") throw new DataError(`${file}, line ${i + 1}: the text is empty; rows must match lines`);
    return text;
  });
}

function readFile(file: string, fs: Fs): Uint8Array {
  try {
    return fs.read(file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOENT") throw error;
    throw new DataError(`${file}: there is no such file; name one with a text a line`, { cause: error });
  }
}

function linesOf(bytes: Uint8Array, file: string): string[] {
  try {
    const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split(/\r?\n/);
    return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DataError(`${file} is not UTF-8; convert it first`);
  }
}

function textIn(line: string, where: string): string {
  const record = parseJson(utf8(line), where);
  const text = isJsonRecord(record) ? record.text : undefined;
  if (typeof text === "string") return text;
  throw new DataError(`${where}: expected an object with "text", a string`);
}
