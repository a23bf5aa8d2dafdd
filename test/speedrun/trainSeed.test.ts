import { expect, test } from "vitest";
import { trainSeed } from "../../speedrun/trainSeed.ts";

test("a seed is trained and evaluated by the commands of the product", {
  timeout: 300_000,
}, async () => {
  const record = {
    track: "within3000",
    change: "",
    preset: "emoji",
    set: ["train.steps=3", "train.batch=64", "model.image.depth=1"],
    hash: "",
  } as const;
  const { printed, recall, gflop } = await trainSeed(record, 1);
  expect(printed).toMatch(/^fluent[^\n]*: 1594 pictures, 1594 texts/m);
  expect(printed).toContain("192 pairs in 3 steps");
  expect(printed).not.toContain("report"); // its folder is gone
  expect(Number(/([\d.]+) GFLOP/.exec(printed)?.[1])).toBeCloseTo(gflop, 2);
  expect(recall).toBeGreaterThanOrEqual(0);
  expect(recall).toBeLessThan(0.1);
});
