import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/data/index.ts";
import { FormatError, readNpy, readSafetensors } from "../../src/formats/index.ts";
import { readTexts, writeEmbeddingFile } from "../../src/run/embeddingFile.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

describe("a file of embeddings", () => {
  const rows = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 })).chain(([n, d]) =>
    fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: n * d, maxLength: n * d })
      .map((numbers) => ({
        rows: Float32Array.from(numbers),
        width: d,
        names: Array.from({ length: n }, (_, i) => `${i}"é`),
      })),
  );

  it("holds every bit of every row, in each form", () => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    fc.assert(
      fc.property(rows, (embedded) => {
        for (const ending of ["npy", "safetensors", "jsonl"]) {
          writeEmbeddingFile(at(`x.${ending}`), { ...embedded, kind: "file" });
        }
        const shape = [embedded.names.length, embedded.width];
        expect(readNpy(readFileSync(at("x.npy")), "x")).toMatchObject({ dtype: "F32", shape, data: embedded.rows });
        const { tensors } = readSafetensors(readFileSync(at("x.safetensors")), "x");
        expect([...tensors.keys()]).toEqual(["embeddings"]);
        expect(tensors.get("embeddings")).toMatchObject({ dtype: "F32", shape, data: embedded.rows });
        const lines = readFileSync(at("x.jsonl"), "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        expect(lines.map(({ file }) => file)).toEqual(embedded.names);
        const numbers = Float32Array.from(lines.flatMap(({ embedding }) => embedding));
        expect(numbers).toEqual(embedded.rows.map((x) => x + 0)); // JSON has no −0
      }),
      { numRuns: 30 },
    );
  });

  it("has one of three endings", () => {
    const file = join(temporaryFolder(), "x.csv");
    expect(() => writeEmbeddingFile(file, { rows: new Float32Array(2), width: 2, kind: "text", names: ["a"] })).toThrow(
      /ends in \.npy, \.safetensors, \.jsonl/,
    );
  });
});

describe("a file of texts", () => {
  const read = (name: string, content: string | Uint8Array): string[] => {
    const file = join(temporaryFolder(), name);
    writeFileSync(file, content);
    return readTexts(file);
  };

  it("has a text a line, with either end of lines, and an optional last one", () => {
    for (const content of ["a cat\ntwo dogs", "a cat\ntwo dogs\n", "a cat\r\ntwo dogs\r\n"]) {
      expect(read("texts.txt", content)).toEqual(["a cat", "two dogs"]);
    }
  });

  it("in JSON lines has any text, beside other keys", () => {
    expect(read("texts.jsonl", '{"text": "a\\ncat", "id": 1}\n{"text":"Zwei Hunde"}\n')).toEqual([
      "a\ncat",
      "Zwei Hunde",
    ]);
  });

  it.each<[string, string, string | Uint8Array, RegExp]>([
    ["no text", "texts.txt", "", /holds no text/],
    ["an empty line, whose row would be missing", "texts.txt", "a\n\nb\n", /line 2: the text is empty/],
    ["other bytes than UTF-8", "texts.txt", Uint8Array.of(97, 0xff), /is not UTF-8/],
    [
      "an object without a text",
      "texts.jsonl",
      '{"text":"a"}\n{"txt":"b"}\n',
      /line 2: expected an object with "text"/,
    ],
  ])("with %s is refused", (_, name, content, message) => {
    expect(() => read(name, content)).toThrow(DataError);
    expect(() => read(name, content)).toThrow(message);
  });

  it("that does not exist is refused", () => {
    const missing = () => readTexts(join(temporaryFolder(), "gone.txt"));
    expect(missing).toThrow(DataError);
    expect(missing).toThrow(/gone\.txt: there is no such file; name one with a text a line/);
  });

  it("with a line that is not JSON is refused", () => {
    expect(() => read("texts.jsonl", '{"text":"a"}\na cat\n')).toThrow(FormatError);
  });
});
