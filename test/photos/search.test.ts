import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../../src/eval/index.ts";
import { backgroundOf } from "../../src/photos/background.ts";
import type { PhotoFacts } from "../../src/photos/facts.ts";
import { PhotoIndex } from "../../src/photos/photoIndex.ts";
import { combine, type PhotoResult, type PhotoSearch, searchPhotos } from "../../src/photos/search.ts";
import { PhotoIndexError } from "../../src/photos/segments.ts";
import { Rng, tensor } from "../../src/tensor/index.ts";

const D = 8;

function unitRows(rng: Rng, rows: number): Float32Array {
  const out = Float32Array.from({ length: rows * D }, () => rng.normal());
  for (let row = 0; row < rows; row++) {
    const length = Math.hypot(...out.subarray(row * D, (row + 1) * D));
    for (let k = 0; k < D; k++) out[row * D + k] /= length;
  }
  return out;
}

const facts = (file: string, more: Partial<PhotoFacts> = {}): PhotoFacts => ({
  ...{ file, bytes: 1, modified: Date.UTC(2020, 4, 17), sha256: file },
  ...more,
});

function indexOf(rows: Float32Array, photos?: readonly PhotoFacts[]): PhotoIndex {
  const count = rows.length / D;
  const known = photos ?? Array.from({ length: count }, (_, i) => facts(`${i}`));
  return new PhotoIndex("/home", { path: "/model", fingerprint: "f" }, known, tensor(rows, [count, D]));
}

const ALL: PhotoSearch = { top: 1e9, minProbability: 0, t: 10, bias: -5 };
const files = (results: readonly PhotoResult[]): string[] => results.map(({ photo }) => photo.file);

describe("searchPhotos", () => {
  it("ranks pictures as an exhaustive search in double precision does", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 300 }), (seed, count) => {
        const rng = new Rng(seed);
        const [rows, query] = [unitRows(rng, count), unitRows(rng, 1)];
        const results = searchPhotos(indexOf(rows), query, ALL).filter(({ duplicates }) => duplicates.length === 0);
        const exact = new Map(nearest(query, rows, count).map(({ index, score }) => [`${index}`, score]));
        for (const { photo, similarity } of results) expect(similarity).toBeCloseTo(exact.get(photo.file)!, 5);
        const scores = results.map(({ similarity }) => similarity);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      }),
      { numRuns: 30 },
    );
  });

  it("lists pictures that look the same once, with the others beside it, and still gives as many results as asked for", () => {
    const rows = unitRows(new Rng(1), 6);
    const twice = Float32Array.from([...rows, ...rows]);
    const results = searchPhotos(indexOf(twice), rows.slice(0, D), { ...ALL, top: 4 });
    expect(results.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
    for (const { photo, duplicates } of results)
      expect(duplicates.map(({ file }) => file)).toEqual([`${Number(photo.file) + 6}`]);
  });

  it("keeps to a folder and to days, by the date in the picture or else that of the file", () => {
    const photos = [
      facts("a/1", { taken: "2024-05-31T23:59:59" }),
      facts("a/2", { taken: "2024-06-01T00:00:00" }),
      facts("ab/3"),
      facts("b/a/4", { taken: "2019-12-31T08:00:00" }),
    ];
    const found = (filter: Partial<PhotoSearch>): string[] =>
      files(
        searchPhotos(indexOf(unitRows(new Rng(2), 4), photos), unitRows(new Rng(3), 1), { ...ALL, ...filter }),
      ).sort();
    expect(found({ under: "a" })).toEqual(["a/1", "a/2"]);
    expect(found({ under: "./b/a/" })).toEqual(["b/a/4"]);
    expect(found({ from: "2024-06" })).toEqual(["a/2"]);
    expect(found({ to: "2024-05" })).toEqual(["a/1", "ab/3", "b/a/4"]);
    expect(found({ from: "2020", to: "2020-05-17" })).toEqual(["ab/3"]);
    expect(() => found({ from: "May 2020" })).toThrow(/"May 2020" is not a day; write 2024, 2024-05 or/);
  });

  it("finds nothing in an empty index", () => {
    expect(searchPhotos(indexOf(new Float32Array(0)), unitRows(new Rng(1), 1), ALL)).toEqual([]);
  });
});

describe("combine", () => {
  it("gives the unit vector of the weighted sum, and refuses parts that cancel", () => {
    const [x, y] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    expect([
      ...combine([
        { embedding: x, weight: 3 },
        { embedding: y, weight: -4 },
      ]),
    ]).toEqual([0.6, -0.8].map(Math.fround));
    const opposite = [
      { embedding: x, weight: 1 },
      { embedding: x, weight: -1 },
    ];
    expect(() => combine(opposite)).toThrow(PhotoIndexError);
  });
});

describe("the probability of a match", () => {
  const scoresOf = (rng: Rng, count: number, mean = 0, deviation = 0.1): Float32Array =>
    Float32Array.from({ length: count }, () => mean + deviation * rng.normal());

  it("rises with the score, from 0 to 1", () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.integer({ min: 0, max: 200 }),
        fc.constantFrom(-10, undefined),
        (seed, count, bias) => {
          const { probability } = backgroundOf(scoresOf(new Rng(seed), count), 20, bias);
          const values = [-1, -0.5, 0, 0.3, 0.9, 1].map(probability);
          expect(values).toEqual(values.toSorted((a, b) => a - b));
          expect(values.every((p) => p >= 0 && p <= 1)).toBe(true);
        },
      ),
    );
  });

  it("against the background alone does not depend on a constant that all scores share", () => {
    const scores = scoresOf(new Rng(1), 500);
    const here = backgroundOf(scores, 20, undefined).probability(0.5);
    const there = backgroundOf(
      scores.map((score) => score + 0.25),
      20,
      undefined,
    ).probability(0.75);
    expect(there).toBeCloseTo(here, 4);
  });

  it("falls where more pictures compete, and where their scores vary more", () => {
    const at = (count: number, deviation: number): number =>
      backgroundOf(scoresOf(new Rng(1), count, 0, deviation), 20, -10).probability(0.5);
    expect(at(10_000, 0.1)).toBeLessThan(at(100, 0.1));
    expect(at(1000, 0.2)).toBeLessThan(at(1000, 0.1));
  });

  it("is moved little by the matches in the background", () => {
    const scores = scoresOf(new Rng(1), 500);
    const withMatches = Float32Array.from([...scores, ...new Array<number>(25).fill(0.8)]);
    const [a, b] = [scores, withMatches].map((each) => backgroundOf(each, 20, -10).probability(0.6));
    expect(Math.abs(a - b)).toBeLessThan(0.05);
  });

  it("is the model's own where too few pictures make a background", () => {
    expect(backgroundOf(Float32Array.of(0.5, 0.1), 20, -10).probability(0.5)).toBe(0.5);
  });
});
