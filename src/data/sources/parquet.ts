/**
 * Parquet files: images as bytes, as `{ bytes, path }` (Hugging Face), or as names of files; captions as texts or lists of texts.
 *
 * Rows are read a group at a time, and the last group stays in memory, since images are read in the order of the rows.
 */
import zlib from "node:zlib";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { FormatError } from "../../formats/index.ts";
import { fileBytes } from "./fileBytes.ts";
import type { BadRow, Columns, Row, Source } from "./row.ts";
import { baseOf, columnsOf, type NamedColumns, rowOf } from "./table.ts";

const compressors: Compressors = {
  GZIP: (bytes) => zlib.gunzipSync(bytes),
  BROTLI: (bytes) => zlib.brotliDecompressSync(bytes),
  // Node has it from 22.15 on, so it cannot be imported by its name; without it hyparquet names the codec.
  ...(zlib.zstdDecompressSync ? { ZSTD: (bytes: Uint8Array) => zlib.zstdDecompressSync(bytes) } : {}),
};

type Values = Record<string, unknown>;

/** A file that was opened, and how its rows are read. */
interface Opened {
  readonly path: string;
  readonly name: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: Columns;
}

/** Opens a parquet file. `name` is for people. Throws `SourceError` and `FormatError`. */
export async function parquetFile(path: string, name: string, named: NamedColumns): Promise<Source> {
  const opened = await openOne(path, name, named);
  return { title: "a parquet file", columns: opened.columns, notes: [], rows: () => rowsOf(opened) };
}

async function openOne(path: string, name: string, named: NamedColumns): Promise<Opened> {
  const { size, read } = fileBytes(path, name);
  const file: AsyncBuffer = {
    byteLength: size,
    slice: (begin, end = size) => read(begin < 0 ? size + begin : begin, end).buffer as ArrayBuffer,
  };
  const metadata = await understood(name, async () => parquetMetadataAsync(file));
  const [root, ...parts] = metadata.schema;
  const columns: string[] = [];
  // The schema lists a tree in depth-first order: a column is a child of the root.
  for (let at = 0, left = root.num_children ?? 0; left > 0; left--) {
    columns.push(parts[at].name);
    at = afterSubtree(parts, at);
  }
  return { path, name, file, metadata, columns: columnsOf(name, columns, named) };
}

/** The place after an element of a schema and all that is in it. */
function afterSubtree(parts: FileMetaData["schema"], at: number): number {
  let next = at + 1;
  for (let children = parts[at].num_children ?? 0; children > 0; children--) next = afterSubtree(parts, next);
  return next;
}

/** Turns the errors of the reader into `FormatError`. */
async function understood<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError("PARQUET", name, 0, `it cannot be read: ${(cause as Error).message}`);
  }
}

async function* rowsOf(opened: Opened): AsyncGenerator<Row | BadRow> {
  const { path, name, file, metadata, columns } = opened;
  const wanted = [columns.image, columns.text, columns.language, columns.split].filter((each) => each !== undefined);
  const group = (first: number, end: number): Promise<Values[]> =>
    understood(name, () =>
      parquetReadObjects({
        ...{ file, metadata, compressors, columns: wanted, rowStart: first, rowEnd: end, utf8: false },
      }),
    );
  let last: { readonly first: number; readonly rows: Promise<Values[]> } | undefined;
  const groupAt = (first: number, end: number): Promise<Values[]> => {
    if (last?.first !== first) last = { first, rows: group(first, end) };
    return last.rows;
  };
  let base: string | undefined;
  let first = 0;
  for (const { num_rows } of metadata.row_groups) {
    const [begin, end] = [first, first + Number(num_rows)];
    const rows = await groupAt(begin, end);
    for (let i = 0; i < rows.length; i++) {
      const image = rows[i][columns.image];
      base ??= baseOf(path, typeof image === "string" ? image : undefined);
      const read = async () => bytesOf((await groupAt(begin, end))[i][columns.image])!;
      yield rowAt(rows[i], { where: `${name}, row ${begin + i + 1}`, columns, base, read });
    }
    first = end;
  }
}

const isRecord = (value: unknown): value is Values => typeof value === "object" && value !== null;

/** The bytes of an image, if they are in the table. */
function bytesOf(image: unknown): Uint8Array | undefined {
  const found = isRecord(image) && "bytes" in image ? image.bytes : image;
  return found instanceof Uint8Array ? found : undefined;
}

/** A text; one that its file does not declare as text is bytes. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

interface Place {
  readonly where: string;
  readonly columns: Columns;
  readonly base: string;
  readonly read: () => Promise<Uint8Array>;
}

function rowAt(values: Values, { where, columns, base, read }: Place): Row | BadRow {
  const image = values[columns.image];
  const path = isRecord(image) && "path" in image ? textOf(image.path) : undefined;
  const named = typeof image === "string" ? image : path;
  const found = bytesOf(image) ? { name: path ?? where, read } : named;
  if (found === undefined) return { where, reason: `no image under ${JSON.stringify(columns.image)}` };
  const value = values[columns.text];
  const texts = (Array.isArray(value) ? value : [value ?? ""]).map(textOf);
  if (!texts.every((text) => text !== undefined)) {
    return { where, reason: `the caption under ${JSON.stringify(columns.text)} is no text` };
  }
  const word = (column: string | undefined): string | undefined =>
    column === undefined ? undefined : textOf(values[column]);
  return rowOf({ where, image: found, texts, language: word(columns.language), split: word(columns.split) }, base);
}
