import { expect, it } from "vitest";
import { trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { heap } from "../../src/tensor/index.ts";
import { tinyBatch, tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

it("200 steps of training allocate no new memory after the tenth", () => {
  const batch = 16;
  const model = tinyModel();
  const optimizer = tinyOptimizer(model);
  const seen: string[] = [];
  for (let step = 0; step < 200; step++) {
    trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, tinyBatch(batch, step), 1);
    seen.push(`${heap.liveBlocks} blocks, ${heap.liveBytes} bytes live, ${heap.reservedBytes} reserved`);
  }
  expect(new Set(seen.slice(9)).size, seen.slice(9).join("\n")).toBe(1);
});
