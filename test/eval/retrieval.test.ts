import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chance, EvaluationError, nearest, type Recall, retrieval, retrievalOfScores } from "../../src/eval/index.ts";
import { Goldens, goldenJson } from "../support/goldens.ts";

/** Embeddings whose score matrix is exactly `scores` [N, M]: images are its rows, texts the unit vectors. */
function fromScores(scores: readonly (readonly number[])[], texts: number) {
  const ztxt = new Float64Array(texts * texts);
  for (let j = 0; j < texts; j++) ztxt[j * texts + j] = 1;
  return { zimg: Float64Array.from(scores.flat()), ztxt };
}

/** The oracle: the definition, by sorting. */
function bySorting(scores: readonly (readonly number[])[], owner: readonly number[], k: number): Recall {
  const order = (values: number[]) => values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
  const t2i = owner.filter((o, j) =>
    order(scores.map((row) => row[j]))
      .slice(0, k)
      .includes(o),
  );
  const i2t = scores.filter((row, i) =>
    order([...row])
      .slice(0, k)
      .some((j) => owner[j] === i),
  );
  return { k, textToImage: t2i.length / owner.length, imageToText: i2t.length / scores.length };
}

/** N, M up to 8, scores from few values so that ties are common, any owner: some images have no text. */
const problem = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })).chain(([images, texts]) =>
  fc.record({
    owner: fc.array(fc.integer({ min: 0, max: images - 1 }), { minLength: texts, maxLength: texts }),
    scores: fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: texts, maxLength: texts }), {
      minLength: images,
      maxLength: images,
    }),
  }),
);
/** A set of pairs in the golden file. */
interface SetJson {
  readonly images: number;
  readonly texts: number;
  readonly text_to_image: Readonly<Record<string, number>>;
  readonly image_to_text: Readonly<Record<string, number>>;
}
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe("retrieval", () => {
  it("equals sorting every row and column of the score matrix, ties by index", () => {
    fc.assert(
      fc.property(problem, ({ scores, owner }) => {
        const { zimg, ztxt } = fromScores(scores, owner.length);
        const ks = upTo(10);
        expect(retrieval(zimg, ztxt, owner, ks).recall).toEqual(ks.map((k) => bySorting(scores, owner, k)));
      }),
    );
  });

  it("never falls as k grows, and is 1 at k = N for images that have a text", () => {
    fc.assert(
      fc.property(problem, ({ scores, owner }) => {
        const { zimg, ztxt } = fromScores(scores, owner.length);
        const { recall } = retrieval(zimg, ztxt, owner, upTo(8));
        for (let i = 1; i < recall.length; i++) {
          expect(recall[i].textToImage).toBeGreaterThanOrEqual(recall[i - 1].textToImage);
          expect(recall[i].imageToText).toBeGreaterThanOrEqual(recall[i - 1].imageToText);
        }
        expect(recall[7].textToImage).toBe(1);
        expect(recall[7].imageToText).toBe(new Set(owner).size / scores.length);
      }),
    );
  });

  it("does not change under a strictly increasing map of the scores", () => {
    fc.assert(
      fc.property(problem, ({ scores, owner }) => {
        const mapped = scores.map((row) => row.map((s) => Math.exp(s) - 5));
        const one = fromScores(scores, owner.length);
        const two = fromScores(mapped, owner.length);
        expect(retrieval(two.zimg, two.ztxt, owner)).toEqual(retrieval(one.zimg, one.ztxt, owner));
      }),
    );
  });

  it("is the same from a matrix of scores as from embeddings", () => {
    fc.assert(
      fc.property(problem, ({ scores, owner }) => {
        const { zimg, ztxt } = fromScores(scores, owner.length);
        const matrix = Float32Array.from(scores.flat());
        expect(retrievalOfScores(matrix, owner)).toEqual(retrieval(zimg, ztxt, owner));
      }),
    );
  });

  it("resolves ties by index: if all scores are equal, only the first image is found at 1", () => {
    const same = new Float32Array(4).fill(1);
    const [at1, at3] = retrieval(same, same, [0, 1, 2, 3], [1, 3]).recall;
    expect(at1).toEqual({ k: 1, textToImage: 0.25, imageToText: 0.25 });
    expect(at3).toEqual({ k: 3, textToImage: 0.75, imageToText: 0.75 });
  });

  it.each([0, 1, 2])("equals big_vision on set %i, several captions per image", (set) => {
    const goldens = new Goldens("big_vision/retrieval");
    const about = goldenJson<{ sets: SetJson[] }>("big_vision/retrieval").sets[set];
    const [zimg, ztxt] = ["image", "text"].map((side) => goldens.floats(`${set}.in.${side}`));
    const result = retrieval(zimg, ztxt, goldens.ints(`${set}.in.owner`), [1, 5, 10]);
    expect(result.images).toBe(about.images);
    expect(result.texts).toBe(about.texts);
    for (const { k, textToImage, imageToText } of result.recall) {
      expect(textToImage).toBe(about.text_to_image[`Recall@${k}`]);
      expect(imageToText).toBe(about.image_to_text[`Recall@${k}`]);
    }
  });

  it("names the row that is not finite, the owner that does not exist, the invalid k", () => {
    const z = Float32Array.of(1, 0, 0, 1);
    expect(() => retrieval(Float32Array.of(1, 0, 0, Number.NaN), z, [0, 1])).toThrow(/zimg row 1 holds NaN/);
    expect(() => retrieval(z, z, [0, 2])).toThrow(/text 1 belongs to image 2, which is not in 0\.\.1/);
    expect(() => retrieval(z, z, [0, 1], [0])).toThrow(/k = 0/);
    expect(() => retrieval(z, z, [0, 1, 1])).toThrow(/4 numbers for 3 owners/);
    expect(() => retrieval(z, new Float32Array(), [])).toThrow(EvaluationError);
  });
});

describe("chance", () => {
  it("is k/N in both directions for one text per image", () => {
    const [at1, at5, at200] = chance(upTo(100), 101, [1, 5, 200]).map((r) => r.textToImage);
    expect([at1, at5, at200]).toEqual([1 / 101, 5 / 101, 1]);
    const [row] = chance([0, 1, 2, 3], 4, [3]);
    expect(row.imageToText).toBeCloseTo(3 / 4, 12);
  });

  it("is the mean of retrieval over all orders of the scores", () => {
    // Image 0 owns two of three texts, image 1 one: over the 6 orders of three distinct scores in a row,
    // image 0 hits at 1 in 4, image 1 in 2.
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    const owner = [0, 1, 0];
    let sum = 0;
    for (const row of orders) {
      const { zimg, ztxt } = fromScores([row, row], 3);
      sum += retrieval(zimg, ztxt, owner, [1]).recall[0].imageToText;
    }
    expect(chance(owner, 2, [1])[0].imageToText).toBeCloseTo(sum / orders.length, 12);
  });
});

describe("nearest", () => {
  it("gives the best rows first, ties by lower index", () => {
    const candidates = Float32Array.of(1, 0, 0, 1, 1, 0, -1, 0, 2, 0);
    expect(nearest(Float32Array.of(1, 0), candidates, 3)).toEqual([
      { index: 4, score: 2 },
      { index: 0, score: 1 },
      { index: 2, score: 1 },
    ]);
  });
});
