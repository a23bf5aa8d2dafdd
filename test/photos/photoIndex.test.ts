import { describe, expect, it } from "vitest";
import { openIndex } from "../../src/photos/photoIndex.ts";
import { searchPhotos } from "../../src/photos/search.ts";
import { commit, gone, INDEX, photo } from "../support/indexes.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";

const unexpected = (warning: string): void => expect.unreachable(warning);

/** An index of nine pictures in two segments; the contents of "a" are 1, of "b" 2, ... */
function disk(): SimulatedFs {
  const fs = new SimulatedFs(["/home/photos"], 200);
  commit(
    fs,
    Array.from("abcdefgh", (file, i) => photo(file, i + 1)),
  );
  commit(fs, [photo("i", 9), photo("b", 10)]);
  return fs;
}
const ALL = { top: 100, minProbability: 0, t: 1 };
const query = Float32Array.of(1, -20); // lengths differ, so that the order is that of the contents

describe("an open index", () => {
  it("has the pictures of all segments with their last embeddings, and compares them exactly", () => {
    const index = openIndex(INDEX, unexpected, disk());
    const found = searchPhotos(index, query, ALL).flatMap(({ photo, similarity, duplicates }) => [
      [photo.file, similarity],
      ...duplicates.map(({ file }) => [file, similarity]),
    ]);
    expect(index.photos.map(({ file }) => file).join("")).toBe("acdefghib");
    expect(found[0]).toEqual(["b", 10 - 20]);
    expect(
      found
        .map(([file]) => file)
        .toSorted()
        .join(""),
    ).toBe("abcdefghi");
    index.photos.forEach(({ sha256 }, i) => {
      expect(index.score(i, query)).toBe(Number(sha256) - 20);
    });
  });

  it("is searched as it was opened while an indexer replaces and removes its segments", () => {
    const fs = disk();
    const index = openIndex(INDEX, unexpected, fs);
    const before = fs.list(INDEX);
    commit(
      fs,
      Array.from("abcdefghijklmnopqrst", (file) => photo(file, 50)),
    );
    commit(fs, Array.from("abcdefghi", gone));
    expect(fs.list(INDEX).filter((name) => before.includes(name) && name.startsWith("0"))).toEqual([]);
    index.photos.forEach(({ sha256 }, i) => {
      expect([...index.embedding(i)]).toEqual([Number(sha256), 1]);
    });
  });

  it("keeps a file open for each segment until it is closed, and none if it cannot be opened", () => {
    const fs = disk();
    const index = openIndex(INDEX, unexpected, fs);
    expect(fs.openFiles).toBe(2);
    index.close();
    expect(fs.openFiles).toBe(0);
    let thrown = 0;
    for (let at = 0; at < 30; at++) {
      const first = fs.operations + at;
      fs.faultAt = (operation, name) => (operation === first && name !== "close" ? "EIO" : undefined);
      try {
        openIndex(INDEX, unexpected, fs).close();
      } catch (error) {
        expect(error).toMatchObject({ code: "EIO" });
        thrown++;
      }
      expect(fs.openFiles).toBe(0);
    }
    expect(thrown).toBeGreaterThan(10);
    fs.faultAt = () => undefined;
    fs.put(`${INDEX}/000002.safetensors`, new Uint8Array(10));
    const warnings: string[] = [];
    openIndex(INDEX, (warning) => warnings.push(warning), fs);
    expect(warnings).toEqual([expect.stringMatching(/2 pictures are left out.*000002\.safetensors/)]);
    expect(fs.openFiles).toBe(1);
  });

  it("names a file that was cut after it was opened", () => {
    const fs = disk();
    const index = openIndex(INDEX, unexpected, fs);
    Object.assign(fs, { readAt: () => 3 });
    expect(() => index.embedding(0)).toThrow(/000001\.safetensors, byte \d+: row 0 is missing; the file was cut/);
  });
});
