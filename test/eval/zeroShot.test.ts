import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Accuracy, accuracy, classEmbeddings, type Embeddings, zeroShot } from "../../src/eval/index.ts";
import { Goldens, goldenJson } from "../support/goldens.ts";

/** Images [N, d] and class vectors [C, d] with entries exact in float32. */
const problem = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 })).chain(([classes, d]) => {
  const entry = fc.float({ min: -1, max: 1, noNaN: true });
  return fc.record({
    classes: fc.constant(classes),
    d: fc.constant(d),
    zimg: fc.array(entry, { minLength: 3 * d, maxLength: 3 * d }).map((x) => Float32Array.from(x)),
    ztxt: fc.array(entry, { minLength: classes * d, maxLength: classes * d }).map((x) => Float32Array.from(x)),
    order: fc.shuffledSubarray(
      Array.from({ length: classes }, (_, c) => c),
      { minLength: classes },
    ),
  });
});
const column = (scores: Float64Array, classes: number, c: number) => [...scores].filter((_, i) => i % classes === c);

/** Largest |a − b| over largest |b|. */
function error(a: Embeddings, b: Embeddings): number {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return worst / largest;
}

describe("zeroShot", () => {
  it("permutes its scores, bit for bit, with the order of the classes, and nothing else", () => {
    fc.assert(
      fc.property(problem, ({ classes, zimg, ztxt, order }) => {
        const labels = Array.from({ length: classes }, (_, c) => c);
        const plain = zeroShot(zimg, classEmbeddings(ztxt, labels, classes), classes);
        // Prompt p now belongs to class order[p].
        const moved = zeroShot(zimg, classEmbeddings(ztxt, order, classes), classes);
        for (let c = 0; c < classes; c++) {
          expect(column(moved.scores, classes, order[c])).toEqual(column(plain.scores, classes, c));
        }
      }),
    );
  });

  it("scores a class that is listed twice the same, bit for bit, and predicts the first of the two", () => {
    fc.assert(
      fc.property(problem, ({ classes, d, zimg, ztxt }) => {
        const twice = Float32Array.of(...ztxt, ...ztxt.subarray(0, d));
        const labels = Array.from({ length: classes + 1 }, (_, c) => c);
        const { scores, predictions } = zeroShot(zimg, classEmbeddings(twice, labels, classes + 1), classes + 1);
        expect(column(scores, classes + 1, classes)).toEqual(column(scores, classes + 1, 0));
        expect([...predictions]).not.toContain(classes);
      }),
    );
  });

  const goldens = new Goldens("big_vision/zeroshot");
  const w = classEmbeddings(goldens.floats("in.text"), goldens.ints("in.prompt_class"), 6);
  const { scores, predictions } = zeroShot(goldens.floats("in.image"), w, 6);

  it("equals big_vision within 1e-12: class embeddings and scores", () => {
    expect(error(w, goldens.floats("f64.class_embeddings"))).toBeLessThan(1e-12);
    expect(error(scores, goldens.floats("f64.scores"))).toBeLessThan(1e-12);
  });

  it("counts as big_vision: one label, images left out, any of several labels", () => {
    const label = [...goldens.ints("in.label")];
    const mask = goldens.ints("in.mask");
    const several = goldens.ints("in.labels");
    const { results } = goldenJson<{ results: Record<string, Pick<Accuracy, "correct" | "count">> }>(
      "big_vision/zeroshot",
    );
    const { single_label, masked, any_of_several_labels } = results;
    expect(
      accuracy(
        predictions,
        label.map((c) => [c]),
      ),
    ).toMatchObject(single_label);
    expect(
      accuracy(
        predictions,
        label.map((c, i) => (mask[i] ? [c] : [])),
      ),
    ).toMatchObject(masked);
    const sets = label.map((_, i) => [...several.subarray(3 * i, 3 * i + 3)].filter((c) => c >= 0));
    expect(accuracy(predictions, sets)).toMatchObject(any_of_several_labels);
  });

  it("names a class without a prompt and a prompt without a class", () => {
    const ztxt = Float32Array.of(1, 0, 0, 1);
    expect(() => classEmbeddings(ztxt, [0, 2], 3)).toThrow(/class 1 has no prompt/);
    expect(() => classEmbeddings(ztxt, [0, 3], 3)).toThrow(/prompt 1 has class 3, which is not in 0\.\.2/);
  });
});
