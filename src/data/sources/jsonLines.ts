/** JSON, an object a line (JSONL), or one list of objects; a caption may be a text or a list of texts. */
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, parseJson } from "../../formats/index.ts";
import { textsOf, utf8 } from "./captions.ts";
import { type BadRow, type Columns, type Row, type Source, SourceError } from "./row.ts";
import { baseOf, columnsOf, type NamedColumns, rowOf } from "./table.ts";

interface Line {
  readonly where: string;
  readonly record: JsonRecord | string;
}

/** The objects of a file; one that cannot be read is why. */
function linesOf(bytes: Uint8Array, name: string): Line[] {
  const text = utf8(bytes, name);
  if (text.trimStart().startsWith("[")) {
    const all = parseJson(new TextEncoder().encode(text), name);
    return (all as readonly JsonValue[]).map((value, i) => recordOf(value, `${name}, object ${i + 1}`));
  }
  const lines = text.split(/\r\n|\n|\r/).map((line, i) => ({ line, where: `${name}, line ${i + 1}` }));
  return lines
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, where }) => {
      try {
        return recordOf(parseJson(new TextEncoder().encode(line), where), where);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        return { where, record: error.detail };
      }
    });
}

const recordOf = (value: JsonValue, where: string): Line => ({
  where,
  record: isJsonRecord(value) ? value : "expected an object",
});

/** Opens a file of objects. `name` is for people. Throws `SourceError` and `FormatError`. */
export function jsonTable(bytes: Uint8Array, table: string, name: string, named: NamedColumns): Source {
  const lines = linesOf(bytes, name);
  const keys = new Set(lines.flatMap(({ record }) => (typeof record === "string" ? [] : Object.keys(record))));
  if (keys.size === 0) throw new SourceError(`${name}: no object in it${lines[0] ? `: ${lines[0].record}` : ""}`);
  const columns = columnsOf(name, [...keys], named);
  const first = lines.map(({ record }) => (typeof record === "string" ? undefined : record[columns.image]));
  const base = baseOf(
    table,
    first.find((image) => typeof image === "string"),
  );
  return {
    title: "JSON objects",
    columns,
    notes: [],
    async *rows() {
      for (const line of lines) yield rowAt(line, columns, base);
    },
  };
}

function rowAt({ where, record }: Line, columns: Columns, base: string): Row | BadRow {
  if (typeof record === "string") return { where, reason: record };
  const word = (key: string | undefined): string | undefined => {
    const value = key === undefined ? undefined : record[key];
    return typeof value === "string" ? value : undefined;
  };
  const image = word(columns.image);
  if (image === undefined) return { where, reason: `no text under ${JSON.stringify(columns.image)}` };
  try {
    const texts = textsOf(record[columns.text] ?? null, where);
    return rowOf({ where, image, texts, language: word(columns.language), split: word(columns.split) }, base);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { where, reason: error.detail };
  }
}
