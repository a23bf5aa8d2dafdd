/** What strict kernels train in Node, to compare with browsers. */
import { PageTraining } from "../../page/train/training.ts";
import { chooseKernels } from "../../src/tensor/index.ts";
import { readAtlas } from "./atlas.ts";

/** SHA-256 of the weights of the page's training, seed 0, after so many steps. */
export async function strictWeights(steps: number): Promise<string> {
  chooseKernels("strict");
  const training = new PageTraining(await readAtlas(), 0);
  while (training.step < steps) training.advance();
  return training.hash();
}
