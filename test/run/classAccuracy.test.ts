/** Classes of the data sets, and the accuracy of a classifier on them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SHAPES, sceneOf } from "../../src/data/index.ts";
import { alone } from "../../src/parallel/index.ts";
import { accuracyTable, blindClassLoss, testClassifier } from "../../src/run/classAccuracy.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { openClasses, openLabelled } from "../../src/run/dataSets.ts";
import { MOST_CLASSES } from "../../src/run/memory.ts";
import { buildClassifier } from "../../src/run/model.ts";
import { classLoss } from "../../src/siglip/index.ts";
import { tensor } from "../../src/tensor/index.ts";

describe("the classes of a data set", () => {
  it.each([
    ["group", 9, "animals-nature"],
    ["subgroup", 95, "animal-mammal"],
  ])("of emoji are the %ss of Unicode, in both data sets", async (kind, count, one) => {
    const [all, some] = await Promise.all(
      ["emoji-paper", "emoji-unseen"].map((preset) => openClasses(resolveConfig(preset, [`data.classes=${kind}`]))),
    );
    expect(all).toEqual(some);
    expect(all.names).toHaveLength(count);
    expect(all.names).toContain(one);
    expect(all.names.length).toBeLessThan(MOST_CLASSES);
    expect(all.ofItem).toHaveLength(1594);
    expect(new Set(all.ofItem)).toEqual(new Set(all.names.keys()));
  });

  it("of scenes are the shape of the first thing, as in the probe", async () => {
    const config = resolveConfig("shapes", []);
    const { names, ofItem } = await openClasses(config);
    expect(names).toEqual((await openLabelled(config, {})).classes);
    for (const id of [0, 1, 95, 96, 9000, 18_431]) expect(names[ofItem[id]]).toBe(sceneOf(id).first.shape);
  });
});

describe("accuracy", () => {
  it("of a classifier that always says the same is the share of that class; the most frequent stands beside it", async () => {
    const config = resolveConfig("shapes", ["train.objective=classify", "model.image.depth=1"]);
    const data = await openLabelled(config, {});
    const few = { pictures: { ...data.test.pictures, count: 60 }, labels: data.test.labels.slice(0, 60) };
    const model = buildClassifier(config, SHAPES.length);
    model.head.bias.value.data[2] = 1;
    const shareOf = (c: number) => few.labels.filter((label) => label === c).length / 60;
    const [test, other] = testClassifier(model, {
      ...data,
      test: few,
      others: [{ title: "twos", pictures: few.pictures, labels: new Int32Array(60).fill(2) }],
    });
    expect(test).toMatchObject({ title: data.title, classes: 6, images: 60, accuracy: shareOf(2) });
    expect(test.mostFrequent).toBe(Math.max(...SHAPES.map((_, c) => shareOf(c))));
    expect(other).toMatchObject({ title: "twos", accuracy: 1, mostFrequent: 1 });
    expect(accuracyTable([test])).toMatch(
      /6 classes, 60 pictures\n {2}accuracy +\d+\.\d %\n {2}most frequent class +\d+\.\d %\n {2}chance +16\.7 %$/,
    );
  });
});

it("the blind loss is the lowest of any classifier that gives all images the same logits", () => {
  const labels = Int32Array.of(0, 0, 0, 1, 2, -1, -1, 0);
  const names = ["a", "b", "c"];
  const lossOf = (logits: readonly number[]): number =>
    classLoss(
      tensor(
        Float64Array.from({ length: 24 }, (_, i) => logits[i % 3]),
        [8, 3],
        "f64",
      ),
      labels,
      { comm: alone, shards: 1 },
    ).loss;
  const blind = blindClassLoss({ names, ofItem: labels });
  expect(lossOf([0.5, 1 / 8, 1 / 8].map((p) => Math.log(p / (1 - p))))).toBeCloseTo(blind, 12);
  const logit = fc.double({ min: -9, max: 9, noNaN: true });
  fc.assert(
    fc.property(logit, logit, logit, (...logits) => {
      expect(lossOf(logits)).toBeGreaterThan(blind - 1e-12);
    }),
  );
});
