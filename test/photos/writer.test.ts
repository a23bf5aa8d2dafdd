import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhotoIndexError } from "../../src/photos/segments.ts";
import { type Change, IndexWriter } from "../../src/photos/writer.ts";
import { RunLockedError } from "../../src/run/index.ts";
import { commit, contentsOf, gone, INDEX, NOW, OF, openWriter, photo } from "../support/indexes.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";

const disk = (): SimulatedFs => new SimulatedFs(["/home/photos"], 10_000);

/** A change to one of five files; content 0 deletes it. */
const change = fc.tuple(fc.constantFrom("a", "b", "c/d", "e\n\u2028", "日"), fc.nat(9));

describe("an index", () => {
  it("holds the last of all commits about every file, however they are grouped", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }), (commits) => {
        const fs = disk();
        const model = new Map<string, number>();
        for (const changes of commits) {
          const last = [...new Map(changes)]; // of a file at most one
          commit(
            fs,
            last.map(([file, content]) => (content === 0 ? gone(file) : photo(file, content))),
          );
          for (const [file, content] of last) content === 0 ? model.delete(file) : model.set(file, content);
          expect(contentsOf(fs)).toEqual(Object.fromEntries(model));
        }
        const writer = openWriter(fs);
        expect([...writer.known.keys()].sort()).toEqual([...model.keys()].sort());
        for (const [file, content] of model) expect(writer.embedding(file)[0]).toBe(content);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps files without an embedding, with the reason", () => {
    const fs = disk();
    const note: Change = { line: { file: "notes.txt", bytes: 3, modified: 5, skipped: "text" } };
    commit(fs, [photo("a", 1), note, photo("b", 2)]);
    expect(contentsOf(fs)).toEqual({ a: 1, b: 2 });
    expect(openWriter(fs).known.get("notes.txt")?.facts.skipped).toBe("text");
  });

  it("of n files has at most log₂ n + 2 segments", () => {
    const fs = disk();
    for (let i = 0; i < 64; i++) {
      commit(fs, [photo(`${i}`, i)]);
      const segments = fs.list(INDEX).filter((name) => name.endsWith(".jsonl"));
      expect(segments.length).toBeLessThanOrEqual(Math.log2(i + 1) + 2);
    }
    expect(Object.keys(contentsOf(fs)).length).toBe(64);
  });

  it("drops deleted rows when segments are merged", () => {
    const fs = disk();
    commit(fs, [photo("a", 1)]);
    commit(fs, [gone("a")]);
    commit(fs, [photo("b", 2)]);
    const [file] = fs.list(INDEX).filter((name) => name.endsWith(".jsonl"));
    expect(new TextDecoder().decode(fs.read(`${INDEX}/${file}`))).not.toContain('"a"');
  });

  it("is written by one process at a time", () => {
    const fs = disk();
    const first = openWriter(fs);
    expect(() => IndexWriter.open(INDEX, OF, NOW, () => {}, fs)).toThrow(RunLockedError);
    first.release();
    IndexWriter.open(INDEX, OF, NOW, () => {}, fs).release();
  });

  it("of another model or folder is refused with a remedy, and left as it is", () => {
    const fs = disk();
    commit(fs, [photo("a", 1)]);
    const other = { ...OF, model: { path: "/new", fingerprint: "g" } };
    expect(() => IndexWriter.open(INDEX, other, NOW, () => {}, fs)).toThrow(
      /made with the model \/model \(f\), not with \/new \(g\); use another --out, or delete/,
    );
    const elsewhere = { ...OF, folder: "/home" };
    expect(() => IndexWriter.open(INDEX, elsewhere, NOW, () => {}, fs)).toThrow(/is of the folder \/home\/photos, not/);
    expect(contentsOf(fs)).toEqual({ a: 1 });
  });

  it("is not made in a folder that holds other files, which stay", () => {
    const fs = new SimulatedFs(["/home/photos/.siglip-index"]);
    fs.put(`${INDEX}/holiday.jpg`, new Uint8Array(3));
    expect(() => openWriter(fs)).toThrow(PhotoIndexError);
    expect(fs.list(INDEX)).toEqual(["holiday.jpg"]);
  });
});
