import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EvaluationError,
  fewShotProbe,
  fitProbe,
  type LabelledFeatures,
  probePredictions,
} from "../../src/eval/index.ts";
import { Rng, tensor } from "../../src/tensor/index.ts";
import { expectClose, Goldens, goldenJson } from "../support/goldens.ts";

const CLASSES = 5;
const SHOTS = [1, 5, 10];
const goldens = new Goldens("big_vision/fewshot");
const part = (name: string): LabelledFeatures => ({
  x: goldens.floats(`in.${name}.x`),
  labels: goldens.ints(`in.${name}.y`),
});
const [train, test] = [part("train"), part("test")];
const golden = (seed: number, shots: number, what: string) => `f64.seed${seed}.shots${shots}.${what}`;

const rowsOf = ({ x, labels }: LabelledFeatures, rows: ArrayLike<number>): LabelledFeatures => {
  const d = x.length / labels.length;
  return {
    x: Float64Array.from(Array.from(rows).flatMap((row) => [...x.subarray(row * d, (row + 1) * d)])),
    labels: Array.from(rows, (row) => labels[row]),
  };
};

/** Features around one point per class; `spread` is their standard deviation. */
function clusters(seed: number, rows: number, classes: number, d: number, spread: number): LabelledFeatures {
  const rng = new Rng(seed);
  const centres = Float64Array.from({ length: classes * d }, () => rng.normal());
  const labels = Array.from({ length: rows }, (_, i) => i % classes);
  const x = Float64Array.from(
    { length: rows * d },
    (_, at) => centres[labels[Math.floor(at / d)] * d + (at % d)] + spread * rng.normal(),
  );
  return { x, labels };
}

describe("fitProbe", () => {
  const cases = [0, 1, 2].flatMap((seed) => SHOTS.map((shots): [number, number] => [seed, shots]));

  it.each(cases)("has big_vision's weights within 1e-10: seed %i, %i shots", (seed, shots) => {
    const { weights } = fitProbe(rowsOf(train, goldens.ints(golden(seed, shots, "index"))), CLASSES);
    const [width, columns] = goldens.get(golden(seed, shots, "weights")).shape;
    expectClose(tensor(weights, [width, columns], "f64"), goldens.get(golden(seed, shots, "weights")), {
      tolerance: 1e-10,
    });
  });

  it("leaves no gradient of the ridge regression, whichever matrix it solves", () => {
    const size = fc.record({
      rows: fc.integer({ min: 3, max: 12 }),
      d: fc.integer({ min: 1, max: 12 }),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(size, ({ rows, d, seed }) => {
        const { x, labels } = clusters(seed, rows, 3, d, 0.5);
        const { mean, deviation, weights } = fitProbe({ x, labels }, 3);
        const features = (i: number) => [...mean.map((m, k) => (x[i * d + k] - m) / deviation[k]), 100];
        const residual = (i: number, c: number) =>
          features(i).reduce((sum, f, k) => sum + f * weights[k * 3 + c], labels[i] === c ? -1 : 1);
        for (let k = 0; k <= d; k++) {
          for (let c = 0; c < 3; c++) {
            let gradient = 1024 * weights[k * 3 + c];
            for (let i = 0; i < rows; i++) gradient += features(i)[k] * residual(i, c);
            expect(Math.abs(gradient)).toBeLessThan(1e-8); // of terms up to 100
          }
        }
      }),
    );
  });

  it("predicts the same if the features are shifted and scaled, all those that vary", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 1, max: 50, noNaN: true }),
        fc.double({ min: -9, max: 9, noNaN: true }),
        (seed, scale, shift) => {
          const { x, labels } = clusters(seed, 12, 3, 4, 0.1);
          const moved = { x: Float64Array.from(x, (value) => scale * value + shift), labels };
          const plain = probePredictions(fitProbe({ x, labels }, 3), x);
          expect(probePredictions(fitProbe(moved, 3), moved.x)).toEqual(plain);
        },
      ),
    );
  });
});

describe("fewShotProbe", () => {
  it("has big_vision's accuracy for every seed and number of shots", () => {
    // The golden rows of most shots begin, class by class, with those of fewer.
    const orders = [0, 1, 2].map((seed) => goldens.ints(golden(seed, 10, "index")));
    const { accuracy } = goldenJson<{ accuracy: Record<string, number> }>("big_vision/fewshot");
    const results = fewShotProbe({ train, test, classes: CLASSES, orders, shots: SHOTS });
    for (const { shots, accuracy: own } of results) {
      const expected = [0, 1, 2].map((seed) => accuracy[`seed${seed}/shots${shots}/accuracy`]);
      // Counts of 60 test rows; its shares are rounded to float32.
      expect(own.seeds.map((share) => 60 * share)).toEqual(expected.map((share) => Math.round(60 * share)));
      expect(own.mean).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / 3, 6);
    }
  });

  it("whitens by the training rows alone: the other test rows change no prediction", () => {
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        const data = clusters(seed, 30, 3, 4, 1);
        const [first, rest] = [
          rowsOf(data, [0, 1, 2, 3, 4, 5]),
          rowsOf(
            data,
            Array.from({ length: 24 }, (_, i) => i + 6),
          ),
        ];
        const accuracyOf = (rows: readonly number[]) => {
          const options = {
            train: first,
            test: rowsOf(rest, rows),
            classes: 3,
            orders: [[0, 1, 2, 3, 4, 5]],
            shots: [2],
          };
          return fewShotProbe(options)[0].accuracy.mean;
        };
        const each = Array.from({ length: 24 }, (_, i) => accuracyOf([i]));
        const together = accuracyOf(Array.from({ length: 24 }, (_, i) => i));
        expect(together).toBeCloseTo(each.reduce((a, b) => a + b, 0) / 24, 12);
      }),
    );
  });

  it("takes the first k rows of each class in the given order, and all of a smaller class", () => {
    // One feature: class 0 near −1, class 1 near 1, and misleading rows that a probe with one shot never sees.
    const train = { x: Float64Array.of(-1, 1, 9, -9), labels: [0, 1, 0, 1] };
    const test = { x: Float64Array.of(-1.5, 1.5), labels: [0, 1] };
    const accuracy = (order: number[], shots: number) =>
      fewShotProbe({ train, test, classes: 2, orders: [order], shots: [shots] })[0].accuracy.mean;
    expect(accuracy([0, 1, 2, 3], 1)).toBe(1);
    expect(accuracy([2, 3, 0, 1], 1)).toBe(0);
    expect(accuracy([0, 1, 2, 3], 2)).toBe(accuracy([0, 1, 2, 3], 25));
  });

  it("is right about classes that lie apart, and at chance where labels say nothing", () => {
    const apart = clusters(3, 200, 4, 8, 0.05);
    const orders = [0, 1, 2].map((seed) => new Rng(seed).permutation(200));
    const [one, , , most] = fewShotProbe({ train: apart, test: apart, classes: 4, orders });
    expect(one.accuracy.mean).toBe(1);
    expect(most.accuracy.seeds).toEqual([1, 1, 1]);
    const rng = new Rng(5);
    const noise = { x: apart.x, labels: apart.x.slice(0, 200).map(() => rng.integer(4)) };
    const guess = fewShotProbe({ train: noise, test: noise, classes: 4, orders, shots: [1] })[0].accuracy.mean;
    expect(Math.abs(guess - 1 / 4)).toBeLessThan(0.12); // four standard deviations of 200 guesses
  });

  it("names what does not fit", () => {
    const probe = { train, test, classes: CLASSES, orders: [[0]] };
    const narrow = { x: test.x.subarray(0, 60), labels: test.labels };
    expect(() => fewShotProbe({ ...probe, test: narrow })).toThrow(/train has 24 features and test 1/);
    expect(() => fewShotProbe({ ...probe, classes: 3 })).toThrow(
      /train: row \d+ has class [34], which is not in 0\.\.2/,
    );
    expect(() => fewShotProbe({ ...probe, shots: [0] })).toThrow(/0 shots/);
    expect(() => fewShotProbe({ ...probe, orders: [] })).toThrow(/no orders/);
    expect(() => fewShotProbe({ ...probe, orders: [[90]] })).toThrow(/row 90 of an order is not in 0\.\.89/);
    expect(() => fitProbe({ x: Float64Array.of(1, Number.NaN), labels: [0, 1] }, 2)).toThrow(/x row 1 holds NaN/);
    expect(() => fitProbe({ x: Float64Array.of(1, 2, 3), labels: [0, 1] }, 2)).toThrow(EvaluationError);
  });
});
