import { expect, it } from "vitest";
import { type Evaluation, evaluationTable } from "../../src/run/evaluation.ts";

it("the table names the direction of every row, also for pixels", () => {
  const recall = (textToImage: number, imageToText: number) => [{ k: 1, textToImage, imageToText }];
  const evaluation: Evaluation = {
    name: "set",
    title: "a set",
    images: 4,
    texts: 4,
    recall: recall(0.5, 0.25),
    chance: recall(0.25, 0.25),
    pixels: recall(0.111, 0.75),
  };
  expect(evaluationTable([evaluation])).toBe(
    [
      "a set: 4 pictures, 4 texts",
      "                                  R@1",
      "  text → picture               50.0 %",
      "  picture → text               25.0 %",
      "  picture → text by pixels     75.0 %",
      "  chance                       25.0 %",
    ].join("\n"),
  );
});
