/** The strict JSON reader: equals JSON.parse on clean JSON, and names the byte of anything else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, type JsonValue, jsonText, parseJson } from "../../src/formats/index.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function errorOf(bytes: Uint8Array | string): FormatError {
  try {
    parseJson(typeof bytes === "string" ? bytesOf(bytes) : bytes, "x.json");
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("no error");
}

describe("parseJson", () => {
  it("reads every JSON text as JSON.parse does", () => {
    const space = fc.constantFrom("", "  ", "\n\t");
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), space, space, (value, before, after) => {
        const text = `${before}${JSON.stringify(value, null, after)}${after}`;
        const read = parseJson(bytesOf(text), "x.json");
        expect(JSON.stringify(read)).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it("reads any string through its escapes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        fc.pre(!/\p{Cs}/u.test(text)); // no lone surrogates
        const escaped = [...text].map((c) =>
          c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : c,
        );
        expect(parseJson(bytesOf(`"${escaped.join("")}"`), "x.json")).toBe(text);
        expect(parseJson(bytesOf(JSON.stringify(text)), "x.json")).toBe(text);
      }),
    );
  });

  it("reads any finite number to the same bits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const texts = Object.is(x, -0) ? ["-0"] : [String(x), x.toExponential(17)];
        for (const text of texts) expect(parseJson(bytesOf(text), "x.json")).toBe(x);
      }),
    );
  });

  it("keeps __proto__ and constructor as plain keys of records without a prototype", () => {
    const record = parseJson(bytesOf('{"__proto__": {"lr": 1}, "constructor": 2}'), "x.json") as {
      [k: string]: JsonValue;
    };
    expect(Object.getPrototypeOf(record)).toBe(null);
    expect(Object.keys(record)).toEqual(["__proto__", "constructor"]);
    expect(record.toString).toBe(undefined);
    expect(({} as Record<string, unknown>).lr).toBe(undefined);
  });

  it.each([
    ["", "JSON_SYNTAX", 0],
    ["{", "JSON_SYNTAX", 1],
    ["[1, ]", "JSON_SYNTAX", 4],
    ["[1 2]", "JSON_SYNTAX", 3],
    ['{"a": 1,}', "JSON_SYNTAX", 8],
    ['{"a" 1}', "JSON_SYNTAX", 5],
    ["{a: 1}", "JSON_SYNTAX", 1],
    ["{} x", "JSON_SYNTAX", 3],
    ["// no\n1", "JSON_SYNTAX", 0],
    ["NaN", "JSON_SYNTAX", 0],
    ["nul", "JSON_SYNTAX", 0],
    ["[Infinity]", "JSON_SYNTAX", 1],
    ["01", "JSON_SYNTAX", 0],
    ["1.", "JSON_SYNTAX", 0],
    ["-", "JSON_SYNTAX", 0],
    ["+1", "JSON_SYNTAX", 0],
    ["[1e400]", "JSON_SYNTAX", 1],
    ["[9007199254740993]", "JSON_SYNTAX", 1],
    ["1".repeat(1000), "JSON_SYNTAX", 0],
    ['"a\nb"', "JSON_SYNTAX", 2],
    ['"\\x41"', "JSON_SYNTAX", 1],
    ['"\\u00g0"', "JSON_SYNTAX", 1],
    ['"abc', "JSON_SYNTAX", 4],
    ['"\\', "JSON_SYNTAX", 1],
    ['"\\ud800"', "JSON_UTF8", 1],
    ['"\\udc00"', "JSON_UTF8", 1],
    ['"\\ud800\\u0041"', "JSON_UTF8", 1],
    ["\ufeff1", "JSON_UTF8", 0],
    ['{"a": 1, "b": 2, "a": 3}', "JSON_DUPLICATE_KEY", 17],
    ['{"a": 1, "\\u0061": 3}', "JSON_DUPLICATE_KEY", 9],
  ])("refuses %j with %s at byte %i", (text, code, offset) => {
    expect(errorOf(text)).toMatchObject({ code, offset, file: "x.json" });
  });

  it.each([
    [[0x22, 0xff, 0x22]],
    [[0x22, 0xed, 0xa0, 0x80, 0x22]],
    [[0x22, 0xc0, 0xaf, 0x22]],
    [[0x22, 0xe2, 0x82, 0x22]],
  ])("refuses bytes %j, which are not UTF-8", (bytes) => {
    expect(errorOf(Uint8Array.from(bytes)).code).toBe("JSON_UTF8");
  });

  it("refuses a million brackets without a RangeError", () => {
    expect(errorOf("[".repeat(1_000_000)).code).toBe("JSON_SYNTAX");
    expect(errorOf('{"a":'.repeat(1_000_000)).code).toBe("JSON_SYNTAX");
  });

  it("throws only FormatError, for any bytes", () => {
    const token = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "\\",
      "\\u",
      "d800",
      "1",
      "-",
      "e",
      ".",
      "tru",
      "null",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.array(token).map((t) => bytesOf(t.join(""))),
        ),
        (bytes) => {
          try {
            parseJson(bytes, "x.json");
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("jsonText", () => {
  it("writes what parseJson reads back as the same value, to the bit", () => {
    const text = fc.string({ unit: "grapheme" });
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constant(null), fc.boolean(), number, text, tie("list"), tie("record")),
      list: fc.array(tie("value"), { maxLength: 4 }),
      record: fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: false }),
    }));
    fc.assert(
      fc.property(value as fc.Arbitrary<JsonValue>, (value) => {
        expect(parseJson(bytesOf(jsonText(value)), "x.json")).toEqual(value); // toEqual tells 0 from −0
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, "\ud800"])("refuses %j, which JSON cannot hold", (value) => {
    expect(() => jsonText({ a: [value] })).toThrow(RangeError);
  });
});

describe("FormatError", () => {
  it("stays below 500 printable characters and names file, byte and code, for any names", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 2000 }),
        fc.string({ unit: "binary", maxLength: 2000 }),
        (file, detail) => {
          const { message } = new FormatError("JSON_SYNTAX", file, 2 ** 53 - 1, detail);
          expect(message.length).toBeLessThanOrEqual(500);
          expect(message).not.toMatch(/[\p{Cc}\p{Cs}\u202e]/u);
          expect(message).toContain(`byte ${2 ** 53 - 1}: `);
          expect(message).toContain("(JSON_SYNTAX)");
        },
      ),
    );
  });

  it("escapes characters that would colour a terminal or reverse the text", () => {
    expect(new FormatError("JSON_SYNTAX", "a\u001b[31m\u202eb", 0, "x").message).toBe(
      "a\\u{1b}[31m\\u{202e}b, byte 0: x (JSON_SYNTAX)",
    );
  });
});
