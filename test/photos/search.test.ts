import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backgroundOf } from "../../src/photos/background.ts";
import type { PhotoFacts } from "../../src/photos/facts.ts";
import { dot, type IndexPart, PhotoIndex } from "../../src/photos/photoIndex.ts";
import { combine, type PhotoResult, type PhotoSearch, searchPhotos } from "../../src/photos/search.ts";
import { PhotoIndexError } from "../../src/photos/segments.ts";
import { CodedRows, Rng } from "../../src/tensor/index.ts";

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

/** An index of rows in two parts, with a row between that is of no picture any more; counts the embeddings that it reads. */
class TestIndex extends PhotoIndex {
  read = 0;
  constructor(rows: Float32Array, photos?: readonly PhotoFacts[]) {
    const count = rows.length / D;
    const known = photos ?? Array.from({ length: count }, (_, i) => facts(`${i}`));
    const half = Math.ceil(count / 2);
    const part = (from: number, to: number): IndexPart => {
      const values = Float32Array.from([...unitRows(new Rng(9), 1), ...rows.subarray(from * D, to * D)]);
      const read = (row: number): Float32Array => {
        this.read++;
        return values.slice(row * D, (row + 1) * D);
      };
      const of = Array.from({ length: to - from }, (_, i) => i + 1);
      return {
        photos: known.slice(from, to),
        rows: of,
        codes: [new CodedRows(values.subarray(0, 5 * D), D), new CodedRows(values.subarray(5 * D), D)],
        read,
        close: () => {},
      };
    };
    super("/home", { path: "/model", fingerprint: "f" }, [part(0, half), part(half, count)]);
  }
}
const indexOf = (rows: Float32Array, photos?: readonly PhotoFacts[]): TestIndex => new TestIndex(rows, photos);

/** The same search by the scores of all pictures: files, similarities, probabilities and duplicates. */
function exhaustive(rows: Float32Array, query: Float32Array, { top, minProbability, t, bias }: PhotoSearch): unknown[] {
  const row = (i: number): Float32Array => rows.subarray(i * D, (i + 1) * D);
  const scores = Float64Array.from({ length: rows.length / D }, (_, i) => dot(row(i), query));
  const step = Math.ceil(scores.length / 10_000) || 1;
  const { probability } = backgroundOf(
    scores.filter((_, i) => i % step === 0),
    scores.length,
    t,
    bias,
  );
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const found: { i: number; duplicates: string[] }[] = [];
  for (const i of order.filter((each) => probability(scores[each]) >= minProbability)) {
    const same = found.find((each) => dot(row(each.i), row(i)) >= 0.99);
    if (same) same.duplicates.push(`${i}`);
    else if (found.length < top) found.push({ i, duplicates: [] });
    else break;
  }
  return found.map(({ i, duplicates }) => [`${i}`, scores[i], probability(scores[i]), duplicates]);
}
const shown = (results: readonly PhotoResult[]): unknown[] =>
  results.map(({ photo, similarity, probability, duplicates }) => [
    photo.file,
    similarity,
    probability,
    duplicates.map(({ file }) => file),
  ]);

const ALL: PhotoSearch = { top: 1e9, minProbability: 0, t: 10, bias: -5 };
const files = (results: readonly PhotoResult[]): string[] => results.map(({ photo }) => photo.file);

/** Spoils unit rows: equal ones, ones that differ in the last bit, zeros, ones far shorter and longer. */
function spoil(rng: Rng, rows: Float32Array): Float32Array {
  for (let at = 0; at < rows.length; at += D) {
    const row = rows.subarray(at, at + D);
    const kind = Math.floor(rng.uniform() * 8);
    if (kind <= 1) row.set(rows.subarray(0, D));
    if (kind === 1) row[0] += row[0] * 2 ** -23;
    if (kind === 2) row.fill(0);
    if (kind === 3) row.set(row.map((x) => x * 1e-6));
    if (kind === 4) row.set(row.map((x) => x * 3));
  }
  return rows;
}

describe("searchPhotos", () => {
  it("finds exactly what a search by the scores of all pictures finds, in the same order, ties included", () => {
    const minProbabilities = fc.constantFrom(0, 0.1, 0.5, 0.9);
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.nat(300),
        fc.integer({ min: 1, max: 20 }),
        minProbabilities,
        (seed, count, top, least) => {
          const rng = new Rng(seed);
          const rows = spoil(rng, unitRows(rng, count));
          for (const query of [unitRows(rng, 1), count > 0 ? rows.slice(0, D) : new Float32Array(D)]) {
            const search = { top, minProbability: least, t: 10, bias: seed % 2 === 0 ? -5 : undefined };
            expect(shown(searchPhotos(indexOf(rows), query, search))).toEqual(exhaustive(rows, query, search));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does so among more pictures than make the background, and reads few embeddings beside theirs", () => {
    const rng = new Rng(1);
    const [rows, query] = [unitRows(rng, 25_001), unitRows(rng, 1)];
    const index = indexOf(rows);
    for (const minProbability of [0, 0.3]) {
      const search = { top: 5, minProbability, t: 10 };
      expect(shown(searchPhotos(index, query, search))).toEqual(exhaustive(rows, query, search));
    }
    expect(index.read).toBeLessThan(25_001 / 3 + 300);
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
    expect(found({ from: "2019-12-31", to: "2019" })).toEqual(["b/a/4"]);
    expect(found({ from: "2024-02-29", to: "2024-05" })).toEqual(["a/1"]);
    for (const day of ["May 2020", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "2024-5", ""])
      expect(() => found({ from: day })).toThrow(`"${day}" is not a day; write 2024, 2024-05 or`);
    expect(() => found({ from: "2024-06", to: "2024-05-31" })).toThrow(/no day is both from 2024-06 on and up to/);
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
  const scoresOf = (rng: Rng, count: number, mean = 0, deviation = 0.1): Float64Array =>
    Float64Array.from({ length: count }, () => mean + deviation * rng.normal());

  it("rises with the score, from 0 to 1", () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.integer({ min: 0, max: 200 }),
        fc.constantFrom(-10, undefined),
        (seed, count, bias) => {
          const { probability } = backgroundOf(scoresOf(new Rng(seed), count), count, 20, bias);
          const values = [-1, -0.5, 0, 0.3, 0.9, 1].map(probability);
          expect(values).toEqual(values.toSorted((a, b) => a - b));
          expect(values.every((p) => p >= 0 && p <= 1)).toBe(true);
        },
      ),
    );
  });

  it("against the background alone does not depend on a constant that all scores share", () => {
    const scores = scoresOf(new Rng(1), 500);
    const here = backgroundOf(scores, 500, 20, undefined).probability(0.5);
    const there = backgroundOf(
      scores.map((score) => score + 0.25),
      500,
      20,
      undefined,
    ).probability(0.75);
    expect(there).toBeCloseTo(here, 4);
  });

  it("falls where more pictures compete, and where their scores vary more", () => {
    const at = (count: number, deviation: number): number =>
      backgroundOf(scoresOf(new Rng(1), count, 0, deviation), count, 20, -10).probability(0.5);
    expect(at(10_000, 0.1)).toBeLessThan(at(100, 0.1));
    expect(at(1000, 0.2)).toBeLessThan(at(1000, 0.1));
  });

  it("is moved little by the matches in the background", () => {
    const scores = scoresOf(new Rng(1), 500);
    const withMatches = Float64Array.from([...scores, ...new Array<number>(25).fill(0.8)]);
    const [a, b] = [scores, withMatches].map((each) => backgroundOf(each, each.length, 20, -10).probability(0.6));
    expect(Math.abs(a - b)).toBeLessThan(0.05);
  });

  it("is the model's own where too few pictures make a background", () => {
    expect(backgroundOf(Float64Array.of(0.5, 0.1), 2, 20, -10).probability(0.5)).toBe(0.5);
  });
});
