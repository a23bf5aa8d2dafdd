/** Losses in which some negatives count, and pairs of the same text are no negatives: against a full sort and the formula, in every form. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parametersOf } from "../../src/nn/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import {
  batchGradients,
  groupsOfTokens,
  type LossForm,
  logOddsBias,
  lossForms,
  type NegativeChoice,
  type PairBatch,
  withNegatives,
  withSameName,
  withTwoViews,
} from "../../src/siglip/index.ts";
import { type DType, heap, Rng, scope, tensor } from "../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { seeds, unitRows } from "../support/generators.ts";
import {
  type Gradients,
  type Labels,
  ownLabels,
  type Pairs,
  referenceSigmoidLoss,
  referenceSoftmaxLoss,
  similarities,
} from "../support/referenceLoss.ts";
import { tinyBatch, tinyModel } from "../support/tinyModel.ts";

const CHOICES = ["random", "hard", "easy"] as const satisfies readonly NegativeChoice[];
const SIGMOID: readonly LossForm[] = [lossForms.fused, lossForms.chunked, lossForms.gather, lossForms.dense];
const SOFTMAX: readonly LossForm[] = [lossForms.softmax, lossForms.softmaxDense];

const randomPairs = (n: number, d: number, seed: number): Pairs => {
  const rng = new Rng(seed);
  return { n, d, x: unitRows(rng.split("x"), n, d), y: unitRows(rng.split("y"), n, d), tPrime: Math.log(10), b: -2 };
};

/** Rows with components of −1, 0 and 1: many pairs are equally similar, and inner products are exact. */
const tiedPairs = (n: number, d: number, seed: number): Pairs => {
  const rng = new Rng(seed);
  const rows = () => Float64Array.from({ length: n * d }, () => rng.integer(3) - 1);
  return { n, d, x: rows(), y: rows(), tPrime: 0, b: -1 };
};

interface Options {
  readonly shards?: number;
  readonly dtype?: DType;
  readonly groups?: readonly number[];
  readonly rng?: Rng;
}

/** A form on `size` devices in lockstep; every rank has the same loss. */
function onDevices(form: LossForm, pairs: Pairs, size: number, options: Options = {}): Gradients {
  const { n, d, tPrime, b } = pairs;
  const { shards = size, dtype = "f64", groups, rng = new Rng(7) } = options;
  const parts = lockstep(size, (comm) => {
    const count = n / size;
    const rows = (of: Float64Array) =>
      tensor(of.subarray(comm.rank * count * d, (comm.rank + 1) * count * d), [count, d], dtype);
    const own = groups ? { groups: Int32Array.from(groups.slice(comm.rank * count, (comm.rank + 1) * count)) } : {};
    const out = form.gradients({ zimg: rows(pairs.x), ztxt: rows(pairs.y), tPrime, b, comm, shards, rng, ...own });
    const { loss, dtPrime: dTPrime, db: dB } = out;
    return { loss, dTPrime, dB, dX: Array.from(out.dzimg.data), dY: Array.from(out.dztxt.data) };
  });
  for (const { loss, dTPrime, dB } of parts) expect([loss, dTPrime, dB]).toEqual([parts[0].loss, parts[0].dTPrime, parts[0].dB]); // biome-ignore format: a line
  return { ...parts[0], dX: parts.flatMap(({ dX }) => dX), dY: parts.flatMap(({ dY }) => dY) };
}

const everything = ({ loss, dTPrime, dB, dX, dY }: Gradients): number[] => [loss, dTPrime, dB, ...Array.from(dX), ...Array.from(dY)]; // biome-ignore format: a line

/** Labels of a batch with groups, in which pairs of one group are `as`. */
const grouped = (n: number, groups: readonly number[], as: 0 | 1): number[] =>
  Array.from(ownLabels(n), (label, at) => (label === -1 && groups[Math.floor(at / n)] === groups[at % n] ? as : label));

/** Of the negatives of `labels`, those that a full sort puts after the share of the first are masked. */
function sorted(pairs: Pairs, labels: Labels, choice: "hard" | "easy", ratio: number): number[] {
  const S = similarities(pairs);
  const sign = choice === "hard" ? -1 : 1;
  const negatives = Array.from(labels, (label, index) => ({ label, index })).filter(({ label }) => label === -1);
  const order = negatives.map(({ index }) => index).sort((p, q) => sign * (S[p] - S[q]) || p - q);
  const kept = new Set(order.slice(0, Math.max(1, Math.round(ratio * order.length))));
  return Array.from(labels, (label, index) => (label === -1 && !kept.has(index) ? 0 : label));
}

const ratios = fc.constantFrom(0.01, 0.1, 0.3, 0.5, 0.9, 1);
const sizesOf = (form: LossForm): number[] => (form.oneDevice ? [1] : [1, 2, 4]);

describe.each(SIGMOID)("the $name form", { timeout: 60_000 }, (form) => {
  const size = fc.constantFrom(...sizesOf(form));

  it.each(["hard", "easy"] as const)(
    "with %s negatives equals the formula over a full sort of all pairs, ties by index",
    (choice) => {
      const cases = fc.record({ size, rows: fc.integer({ min: 1, max: 5 }), ratio: ratios, seed: seeds, tied: fc.boolean() }); // biome-ignore format: a line
      fc.assert(
        fc.property(cases, ({ size, rows, ratio, seed, tied }) => {
          const pairs = (tied ? tiedPairs : randomPairs)(size * rows, 3, seed);
          const labels = sorted(pairs, ownLabels(pairs.n), choice, ratio);
          const actual = onDevices(withNegatives(form, choice, ratio), pairs, size);
          expectWithin(everything(actual), everything(referenceSigmoidLoss(pairs, labels)), 1e-11);
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(["mask", "positive"] as const)("with pairs of one group as %s equals the formula", (sameName) => {
    const cases = fc.record({ size, rows: fc.integer({ min: 1, max: 5 }), names: fc.integer({ min: 1, max: 6 }), seed: seeds }); // biome-ignore format: a line
    fc.assert(
      fc.property(cases, ({ size, rows, names, seed }) => {
        const n = size * rows;
        const groups = Array.from({ length: n }, (_, i) => new Rng(seed).split(i).integer(names));
        const pairs = randomPairs(n, 4, seed);
        const labels = grouped(n, groups, sameName === "mask" ? 0 : 1);
        const actual = onDevices(withSameName(form, sameName), pairs, size, { groups });
        expectWithin(everything(actual), everything(referenceSigmoidLoss(pairs, labels)), 1e-11);
        if (n === 1) return;
        const both = withSameName(withNegatives(form, "hard", 0.3), sameName);
        const chosen = referenceSigmoidLoss(pairs, sorted(pairs, labels, "hard", 0.3));
        if (labels.includes(-1)) expectWithin(everything(onDevices(both, pairs, size, { groups })), everything(chosen), 1e-11); // biome-ignore format: a line
      }),
      { numRuns: 20 },
    );
  });

  it.each(CHOICES)("with all negatives, %s, has the bits of the loss without a choice", (choice) => {
    for (const dtype of ["f32", "f64"] as const) {
      for (const size of sizesOf(form)) {
        const pairs = randomPairs(24, 5, 3);
        const plain = everything(onDevices(form, pairs, size, { dtype }));
        expectSameBits(everything(onDevices(withNegatives(form, choice, 1), pairs, size, { dtype })), plain);
      }
    }
  });

  it("chooses the same negatives as the dense form in f32, and at random", () => {
    for (const choice of CHOICES) {
      for (const size of sizesOf(form)) {
        const pairs = randomPairs(48, 7, 11);
        const of = (form: LossForm, devices: number) =>
          everything(onDevices(withNegatives(form, choice, 0.2), pairs, devices, { dtype: "f32" }));
        expectWithin(of(form, size), of(lossForms.dense, 1), 2e-5); // a pair more or less changes gradients by 1e-3
      }
    }
  });

  it("gives a hidden pair no influence: an infinite inner product in it changes no bit", () => {
    // Rows 0 and 1 are of one group, and only they have the last component: 1e30² overflows in f32.
    const of = (large: number) => {
      const pairs = randomPairs(8, 5, 2);
      const [x, y] = [pairs.x.slice(), pairs.y.slice()];
      for (let i = 0; i < 8; i++) x[i * 5 + 4] = y[i * 5 + 4] = 0;
      x[4] = large;
      y[9] = large;
      const groups = [0, 0, 2, 3, 4, 5, 6, 7];
      const { loss, dX, dY } = onDevices(withSameName(form, "mask"), { ...pairs, x, y }, 1, { groups, dtype: "f32", shards: form.oneDevice ? 1 : 2 }); // biome-ignore format: a line
      // Gradients of the last component are multiples of it by right.
      const others = (of: ArrayLike<number>) => Array.from(of).filter((_, at) => at % 5 !== 4);
      return [loss, ...others(dX), ...others(dY)];
    };
    const huge = of(1e30);
    expect(huge.every(Number.isFinite)).toBe(true);
    expectSameBits(huge, of(0));
  });
});

describe.each(SOFTMAX)("the $name form", { timeout: 60_000 }, (form) => {
  it("with pairs of one group masked equals the formula, on any devices", () => {
    const cases = fc.record({ size: fc.constantFrom(1, 2, 4), rows: fc.integer({ min: 1, max: 5 }), names: fc.integer({ min: 1, max: 6 }), seed: seeds }); // biome-ignore format: a line
    fc.assert(
      fc.property(cases, ({ size, rows, names, seed }) => {
        const n = size * rows;
        const groups = Array.from({ length: n }, (_, i) => new Rng(seed).split(i).integer(names));
        const pairs = randomPairs(n, 4, seed);
        const actual = onDevices(withSameName(form, "mask"), pairs, size, { groups });
        expectWithin(everything(actual), everything(referenceSoftmaxLoss(pairs, grouped(n, groups, 0))), 1e-11);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a choice of negatives and several positives", () => {
    expect(() => withNegatives(form, "hard", 0.1)).toThrow(
      `withNegatives: the ${form.name} loss compares each pair with all others; choose negatives of a sigmoid loss`,
    );
    expect(() => withSameName(form, "positive")).toThrow(
      `withSameName: in the ${form.name} loss each image has one text, so there cannot be more positives; mask them`,
    );
  });
});

describe("a known batch: e1, e1, e2, e3 on both sides, rows 0 and 1 of one name", () => {
  const axis = (k: number) => [0, 1, 2].map((i) => (i === k ? 1 : 0));
  const rows = Float64Array.from([axis(0), axis(0), axis(1), axis(2)].flat());
  const [t, b] = [2, -1];
  const pairs = { n: 4, d: 3, x: rows, y: rows, tPrime: Math.log(t), b };
  const groups = [0, 0, 2, 3];
  const softplus = (x: number) => Math.log1p(Math.exp(x));
  // 4 matching pairs of logit t + b = 1, 2 of one name with logit 1, and 10 of logit b = −1.
  const rest = 4 * softplus(-1) + 10 * softplus(-1);
  const cases = [
    ["negative", (rest + 2 * softplus(1)) / 4],
    ["mask", rest / 4],
    ["positive", (rest + 2 * softplus(-1)) / 4],
  ] as const;

  it.each(cases)("costs what it must as %s, in every form", (sameName, loss) => {
    for (const form of SIGMOID) {
      const whole = sameName === "negative" ? form : withSameName(form, sameName);
      for (const size of sizesOf(form)) expect(onDevices(whole, pairs, size, { groups }).loss).toBeCloseTo(loss, 12);
    }
  });

  it("is without the pairs of one name in the softmax loss, in both forms", () => {
    // Of rows 0 and 1 two other texts, of rows 2 and 3 three; columns alike.
    const loss = (2 * Math.log(1 + 2 * Math.exp(-t)) + 2 * Math.log(1 + 3 * Math.exp(-t))) / 4;
    for (const form of SOFTMAX) {
      for (const size of [1, 2, 4]) {
        expect(onDevices(withSameName(form, "mask"), pairs, size, { groups }).loss).toBeCloseTo(loss, 12);
      }
    }
  });
});

describe("a choice of negatives", { timeout: 120_000 }, () => {
  it.each(CHOICES)("(%s) has the same bits on 1, 2, 4 and 8 devices", (choice) => {
    for (const dtype of ["f32", "f64"] as const) {
      for (const pairs of [randomPairs(48, 5, 9), tiedPairs(48, 3, 9)]) {
        const groups = Array.from({ length: 48 }, (_, i) => Math.floor(i / (1 + (i % 3))));
        const form = withSameName(withNegatives(lossForms.fused, choice, 0.1), "positive");
        const of = (size: number) => everything(onDevices(form, pairs, size, { shards: 8, dtype, groups }));
        const one = of(1);
        for (const size of [2, 4, 8]) expectSameBits(of(size), one);
      }
    }
  });

  it("equals a full sort where no list can hold all negatives, also with ties, on one device and on two", () => {
    const n = 272; // 73,712 negatives; the list holds 65,536
    for (const [pairs, d] of [
      [randomPairs(n, 8, 1), 8],
      [tiedPairs(n, 4, 2), 4],
      [{ ...tiedPairs(n, 4, 3), x: new Float64Array(4 * n) }, 4],
    ] as const) {
      // The sort needs the f32 similarities of the kernels, so inner products must be exact: multiples of 2⁻¹⁰.
      const exact = (of: Float64Array) => of.map((value) => Math.round(value * 1024) / 1024);
      const rounded = { ...pairs, x: exact(pairs.x), y: exact(pairs.y) };
      for (const [choice, ratio] of [
        ["hard", 0.1],
        ["easy", 0.5],
        ["hard", 0.0001],
        ["hard", 0.999],
      ] as const) {
        const labels = sorted(rounded, ownLabels(n), choice, ratio);
        const expected = referenceSigmoidLoss(rounded, labels);
        for (const size of [1, 2]) {
          const actual = onDevices(withNegatives(lossForms.fused, choice, ratio), rounded, size, { dtype: "f32", shards: 2 }); // biome-ignore format: a line
          // A pair more or less changes Σ G and a row of gradients by e^−3·t/n, about 1e-3.
          expectWithin(Array.from(actual.dX), Array.from(expected.dX), 1e-6 * d);
          expectWithin([actual.loss, actual.dB], [expected.loss, expected.dB], 1e-5);
        }
      }
    }
  });

  it("at random keeps its share, chosen anew in every step and row", () => {
    const n = 256;
    const zero = new Float64Array(n); // all logits are b: the gradient of a text counts its negatives
    const pairs = { n, d: 1, x: zero.map(() => 1), y: zero, tPrime: 0, b: 0 };
    const kept = (step: number) => {
      const { dB, dY } = onDevices(withNegatives(lossForms.fused, "random", 0.25), pairs, 1, { rng: new Rng(1).split(step) }); // biome-ignore format: a line
      return { all: 2 * (dB * n + n / 2), columns: Array.from(dY, (g) => 2 * (g * n) + 1) };
    };
    const [one, two] = [kept(0), kept(1)];
    const deviation = Math.sqrt(n * (n - 1) * 0.25 * 0.75);
    for (const { all, columns } of [one, two]) {
      expect(Math.abs(all - n * (n - 1) * 0.25)).toBeLessThan(5 * deviation);
      for (const count of columns) expect(Math.abs(count - 64)).toBeLessThan(6 * Math.sqrt(n * 0.25 * 0.75));
      expect(new Set(columns.map(Math.round)).size).toBeGreaterThan(10); // a share of the whole, not of each text
    }
    expect(one.columns).not.toEqual(two.columns);
    expect(kept(0)).toEqual(one);
  });

  it("has its least loss for the same logit everywhere at blindLoss, with the log-odds of those that count", () => {
    for (const n of [1, 2, 7, 11]) {
      const same = { n, d: 1, x: new Float64Array(n).fill(1), y: new Float64Array(n).fill(1), tPrime: 0 };
      const form = withNegatives(lossForms.fused, "hard", 0.5);
      const at = (logit: number) => onDevices(form, { ...same, b: logit - 1 }, 1).loss;
      if (n > 1) expect(at(logOddsBias(n, 0.5))).toBeCloseTo(form.blindLoss(n), 10);
      for (const logit of [-20, -3, 0, 5]) expect(at(logit)).toBeGreaterThanOrEqual(form.blindLoss(n) - 1e-10);
    }
  });

  it("of two views is made in each term", () => {
    const form = withTwoViews(withNegatives(lossForms.fused, "random", 0.5), "texts");
    const pairs = randomPairs(8, 3, 1);
    const twice = Float64Array.from({ length: 48 }, (_, at) => pairs.x[Math.floor(at / 6) * 3 + (at % 3)]);
    const [x, y] = [tensor(twice, [16, 3], "f64"), tensor(pairs.y, [8, 3], "f64")];
    lockstep(1, (comm) => {
      const out = form.gradients({ zimg: x, ztxt: y, tPrime: 1, b: 0, comm, shards: 1, rng: new Rng(1) });
      const [first, second] = [0, 1].map((view) => Array.from({ length: 8 }, (_, i) => out.dzimg.data[(2 * i + view) * 3])); // biome-ignore format: a line
      expect(first).not.toEqual(second); // both views are the same image, with other negatives
    });
  });

  it("frees all memory but its gradients", () => {
    const form = withSameName(withNegatives(lossForms.fused, "hard", 0.1), "positive");
    const pairs = randomPairs(16, 8, 1);
    lockstep(1, (comm) => {
      const [zimg, ztxt] = [tensor(pairs.x, [16, 8]), tensor(pairs.y, [16, 8])];
      const groups = new Int32Array(16).map((_, i) => i >> 1);
      const before = heap.liveBlocks;
      scope(() => {
        form.gradients({ zimg, ztxt, tPrime: 1, b: -2, comm, shards: 2, groups });
        expect(heap.liveBlocks).toBe(before + 2);
      });
    });
  });

  it("refuses what is no choice or no share, with the remedy", () => {
    for (const ratio of [0, -0.1, 1.1, Number.NaN]) {
      expect(() => withNegatives(lossForms.fused, "hard", ratio)).toThrow("is not above 0 and at most 1");
    }
    expect(() => withNegatives(lossForms.fused, "semi" as never, 0.1)).toThrow(
      'withNegatives: the choice must be one of random, hard, easy, not "semi"',
    );
    expect(() => withSameName(lossForms.fused, "no" as never)).toThrow(
      'withSameName: must be mask or positive, not "no"',
    );
    const [zimg, ztxt] = [tensor([1], [1, 1]), tensor([1], [1, 1])];
    lockstep(1, (comm) => {
      const random = withNegatives(lossForms.fused, "random", 0.1);
      expect(() => random.gradients({ zimg, ztxt, tPrime: 0, b: 0, comm, shards: 1 })).toThrow(
        "{ ...batch, rng: new Rng(seed).split(step) }",
      );
    });
  });
});

describe("a training step", { timeout: 60_000 }, () => {
  const rows = 8;
  const { images, imageShape, tokens } = tinyBatch(rows, 1);
  const part = <A extends Float32Array | Int32Array>(all: A, rank: number, size: number): A =>
    all.subarray((rank * all.length) / size, ((rank + 1) * all.length) / size) as A;
  const groups = Int32Array.of(0, 0, 2, 3, 2, 5, 6, 7);

  it.each(CHOICES)("with %s negatives and groups has the same bits on 1, 2 and 4 devices", (choice) => {
    const loss = withSameName(withNegatives(lossForms.fused, choice, 0.3), "mask");
    const of = (size: number, more: Pick<PairBatch, "groups" | "rng"> = { groups, rng: new Rng(3) }): number[] => {
      const [first, ...others] = lockstep(size, (comm) => {
        const model = tinyModel("f32");
        const own: PairBatch = {
          ...more,
          images: part(images, comm.rank, size),
          imageShape: [rows / size, ...imageShape.slice(1)],
          tokens: part(tokens, comm.rank, size),
          ...(more.groups ? { groups: part(more.groups, comm.rank, size) } : {}),
        };
        const value = batchGradients(model, loss, own, { comm, shards: 4 });
        return [value, ...[...parametersOf(model).values()].flatMap(({ grad }) => Array.from(grad?.data ?? []))];
      });
      for (const other of others) expectSameBits(other, first);
      return first;
    };
    const one = of(1);
    expect(one.every(Number.isFinite)).toBe(true);
    for (const size of [2, 4]) expectSameBits(of(size), one);
    expect(of(1, { rng: new Rng(3) })[0]).not.toBe(one[0]);
    if (choice === "random") expect(of(1, { groups, rng: new Rng(4) })[0]).not.toBe(one[0]);
  });
});

describe("groups of tokens", () => {
  it("are equal for the same tokens, and only for them, on any devices", () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 4), fc.integer({ min: 1, max: 4 }), seeds, (size, rows, seed) => {
        const rng = new Rng(seed);
        const tokens = Int32Array.from({ length: size * rows * 2 }, () => rng.integer(2));
        const groups = lockstep(size, (comm) => {
          const own = tokens.subarray(comm.rank * rows * 2, (comm.rank + 1) * rows * 2);
          return Array.from(groupsOfTokens(own, rows, comm));
        }).flat();
        for (const i of groups.keys()) {
          for (const j of groups.keys()) {
            const same = tokens[2 * i] === tokens[2 * j] && tokens[2 * i + 1] === tokens[2 * j + 1];
            expect(groups[i] === groups[j]).toBe(same);
          }
        }
      }),
    );
  });
});
