/**
 * How many bytes does a step hold at its peak, next to the activations that one counts on paper?
 *
 * On paper, what the way back reads of each token: the patch; in each block the two inputs and outputs of the layer norms
 * with mean and 1/σ, queries, keys, values, the attention of all heads and what they give, and around gelu its derivative
 * and its value; at last the input of the closing layer norm. Parameters, their gradients and kernels' scratch are there
 * before and after, and do not count; gradients of activations, and sizes rounded up by the heap, make the rest.
 */
import { heap } from "../src/tensor/index.ts";
import { atMost, type Row } from "./row.ts";
import { makeStep, VIT } from "./vit.ts";

const WARM_STEPS = 3; // after these a step must reserve nothing new
const BAR = { overActivations: 1.2, newBytes: 0 };

export async function* memoryBench(): AsyncGenerator<Row> {
  const step = makeStep();
  for (let i = 0; i < WARM_STEPS; i++) step();
  const [before, reserved] = [heap.liveBytes, heap.reservedBytes];
  heap.peakBytes = before;
  step();
  const peakBytes = heap.peakBytes - before;
  const { batch, tokens, patch, width, heads, mlpDim, depth } = VIT;
  const block = 4 * width + 4 + 3 * width + heads * tokens + width + 2 * mlpDim;
  const activationBytes = 4 * batch * tokens * (patch + depth * block + width + 2);
  const figures = { peakBytes, activationBytes, overActivations: peakBytes / activationBytes };
  const newBytes = heap.reservedBytes - reserved;
  yield atMost({ bench: "memory", case: "vit 46.1 GFLOP", ...figures, newBytes, ratio: {} }, BAR);
}
