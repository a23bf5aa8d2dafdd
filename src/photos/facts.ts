/**
 * What an index knows of the files of a folder, a line of JSON each.
 *
 *   {"file":"a/b.jpg","bytes":81234,"modified":1717171717171,"sha256":"…","taken":"2024-05-31T18:02:11"}
 *   {"file":"a/notes.txt","bytes":12,"modified":1717171717171,"skipped":"text"}      has no embedding
 *   {"file":"a/old.jpg","gone":true}                                                 was deleted
 *
 * A later line about a file replaces all earlier ones.
 */
import { FormatError } from "../formats/index.ts";

/** What an index knows of a file. */
export interface PhotoFacts {
  /** Path below the indexed folder, with `/` between its parts. */
  readonly file: string;
  /** Size. */
  readonly bytes: number;
  /** Time of the last change, in ms since 1970. */
  readonly modified: number;
  /** Present if size and time do not prove that the file is unchanged, so that it is read again. */
  readonly again?: true;
  /** SHA-256 of the contents; absent if the file is no picture. */
  readonly sha256?: string;
  /** When a photograph was taken, as the clock of the camera showed: "2024-05-31T18:02:11". */
  readonly taken?: string;
  /** The kind of a file that has no embedding: "damaged", "heic", "text", ... */
  readonly skipped?: string;
}

/** A file that is no longer there. */
interface GoneFile {
  readonly file: string;
  readonly gone: true;
}

/** A line of a segment. */
export type FactLine = PhotoFacts | GoneFile;

/** Whether a line has a row of embeddings. */
export const isPhoto = (line: FactLine): line is PhotoFacts => !("gone" in line) && line.skipped === undefined;

/** The lines as text. */
export const linesText = (lines: readonly FactLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** Lines from text whose hash was checked. Throws `FormatError` if a line is not about a file. */
export function parseLines(text: string, name: string): FactLine[] {
  const lines = JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`) as FactLine[];
  const bad = lines.findIndex((line) => typeof line?.file !== "string");
  if (bad >= 0) throw new FormatError("INDEX_FILE", name, 0, `line ${bad + 1} names no file`);
  return lines;
}
