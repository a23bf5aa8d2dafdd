/** Separated fields as programs write them: any texts come back, whatever separates them. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { delimitedTable } from "../../../src/data/sources/delimited.ts";
import { isGood } from "../../../src/data/sources/row.ts";

/** A field in quotes where it needs them (RFC 4180), or always. */
const field = (text: string, separator: string, always: boolean): string =>
  always || /["\r\n]/.test(text) || text.includes(separator) || text.trim() !== text
    ? `"${text.replaceAll('"', '""')}"`
    : text;

/** Captions of a table, or why rows cannot be used. */
async function captions(bytes: Uint8Array, columns = {}): Promise<string[]> {
  const named = { image: "auto", text: "auto", ...columns };
  const found: string[] = [];
  for await (const row of delimitedTable(
    bytes,
    fileURLToPath(new URL("t.csv", import.meta.url)),
    "t.csv",
    named,
  ).rows()) {
    found.push(isGood(row) ? row.texts[0] : `${row.where}: ${row.reason}`);
  }
  return found;
}

describe("delimitedTable", () => {
  it("gives back every text, with any separator, line end, quoting, mark and encoding", async () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
      fc.constantFrom("None", "007", "null", "1e3", "a, b; c | d", 'say "x"', "two\nlines", "=1+1", "TRUE"),
    );
    const dialect = fc.record({
      separator: fc.constantFrom(",", ";", "\t", "|"),
      end: fc.constantFrom("\n", "\r\n", "\r"),
      always: fc.boolean(),
      mark: fc.boolean(),
      encoding: fc.constantFrom("utf8" as const, "utf16le" as const),
      texts: fc.array(text, { minLength: 1, maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(dialect, async ({ separator, end, always, mark, encoding, texts }) => {
        const line = (...fields: string[]) => fields.map((each) => field(each, separator, always)).join(separator);
        const lines = [line("file_name", "text"), ...texts.map((each, i) => line(`${i}.png`, each))];
        const isMarked = mark || encoding === "utf16le";
        const bytes = Buffer.from(`${isMarked ? "\ufeff" : ""}${lines.join(end)}${end}`, encoding);
        expect(await captions(bytes)).toEqual(texts);
      }),
      { numRuns: 60 },
    );
  });

  it("takes a quote inside a field that does not begin with one as a character", async () => {
    expect(await captions(Buffer.from('file_name,text\na.png,a 5" nail\n'))).toEqual(['a 5" nail']);
  });

  it("reads columns in any order, beside others, and the one that is named", async () => {
    const table = Buffer.from("id;Caption;lang;Image;alt\n1;eine Katze;de;a.png;cat\n");
    expect(await captions(table)).toEqual(["eine Katze"]);
    expect(await captions(table, { text: "alt" })).toEqual(["cat"]);
  });

  it("names a row with too few fields by its line, counting empty lines and those inside quotes", async () => {
    const table = Buffer.from('file_name,text\na.png,"two\nlines"\n\nb.png\nc.png,three\n');
    expect(await captions(table)).toEqual([
      "two\nlines",
      "t.csv, line 5: 1 fields, and the first line has 2; write a text with commas or line breaks in quotes",
      "three",
    ]);
  });
});
