import { expect, it } from "vitest";
import { resultLine } from "../../src/cli/resultLine.ts";

it("a line of a search has rank, probability, similarity and file below those of the line before", () => {
  const lines = [
    resultLine(1, "probability", 0.98764, 0.3116, "a.jpg"),
    resultLine(10, "probability", 0, -0.3116, "b\u001b.jpg"),
  ];
  expect(lines).toEqual([
    "  1  probability 0.9876  similarity  0.312  a.jpg",
    " 10  probability 0.0000  similarity -0.312  b\\u{1b}.jpg",
  ]);
});
