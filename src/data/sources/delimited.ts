/**
 * CSV and its relatives: a line of column names, then a record a line. Separated by commas, tabs, semicolons or bars, with or without a
 * byte-order mark, UTF-8 or UTF-16, any line ends. Every cell is text: `None` and `007` stay as they are.
 */
import { parse } from "csv-parse/sync";
import { FormatError } from "../../formats/index.ts";
import { utf8 } from "./captions.ts";
import { type BadRow, type Row, type Source, SourceError } from "./row.ts";
import { baseOf, columnsOf, hasColumns, type NamedColumns, rowOf } from "./table.ts";

const SEPARATORS = [",", "\t", ";", "|"];
const NAMES: Readonly<Record<string, string>> = { ",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars" };

interface Line {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** The records of a text: fields, and the line in which each ends. Throws `FormatError` for a quote without its end. */
function linesOf(text: string, delimiter: string, table: string, most?: number): Line[] {
  try {
    return parse(text, {
      delimiter,
      info: true,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true, // rows of another number of fields are named one by one
      relax_quotes: true, // a quote inside a field that does not begin with one is a character
      skip_empty_lines: true,
      ...(most === undefined ? {} : { to: most }),
    }) as unknown as Line[];
  } catch (cause) {
    const detail = (cause as Error).message;
    throw new FormatError(
      "TABLE_SYNTAX",
      table,
      0,
      `${detail}; close every quoted field, and write a quote in it twice`,
    );
  }
}

/** The text of a table: UTF-8, or UTF-16 if it begins with a mark of that. */
function textOf(bytes: Uint8Array, table: string): string {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return utf8(bytes, table);
}

/** What separates the fields: that with which both columns are found, else what is most frequent in the first line. */
function separatorOf(text: string, table: string, named: NamedColumns): string {
  const header = (separator: string): readonly string[] => linesOf(text, separator, table, 1)[0]?.record ?? [];
  const found = SEPARATORS.find((separator) => hasColumns(header(separator), named));
  if (found !== undefined) return found;
  const counts = SEPARATORS.map((separator) => header(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))];
}

/** Opens a table of separated fields. `name` is for people. Throws `SourceError` and `FormatError`. */
export function delimitedTable(bytes: Uint8Array, table: string, name: string, named: NamedColumns): Source {
  const text = textOf(bytes, name);
  const separator = separatorOf(text, name, named);
  const [header, ...lines] = linesOf(text, separator, name);
  if (header === undefined) throw new SourceError(`${name}: it is empty; its first line names the columns`);
  const columns = columnsOf(name, header.record, named);
  const at = (column: string | undefined): number => (column === undefined ? -1 : header.record.indexOf(column));
  const [image, caption, language, split] = [columns.image, columns.text, columns.language, columns.split].map(at);
  const base = baseOf(table, lines[0]?.record[image]?.trim());
  const rowAt = ({ record, info }: Line): Row | BadRow => {
    const where = `${name}, line ${info.lines}`;
    if (record.length !== header.record.length) {
      const counts = `${record.length} fields, and the first line has ${header.record.length}`;
      return { where, reason: `${counts}; write a text with ${NAMES[separator]} or line breaks in quotes` };
    }
    const row = { where, image: record[image], texts: [record[caption]] };
    return rowOf({ ...row, language: record[language], split: record[split] }, base);
  };
  return {
    title: `a table separated by ${NAMES[separator]}`,
    columns,
    notes: [],
    async *rows() {
      yield* lines.map(rowAt);
    },
  };
}
