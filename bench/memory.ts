/**
 * Peak memory of a step, compared with the activations counted on paper.
 *
 * On paper, per token, the backward pass reads: the patch; in each block the inputs and outputs of the two layer norms with
 * mean and 1/σ, queries, keys, values, the probabilities and outputs of all heads, and the derivative and the value of gelu;
 * finally the input of the last layer norm. Parameters, their gradients and the scratch of kernels exist before and after, and
 * do not count; the rest is gradients of activations and the rounding of sizes by the heap.
 */
import { heap } from "../src/tensor/index.ts";
import { atMost, type Row } from "./row.ts";
import { makeStep, VIT } from "./vit.ts";

const WARM_STEPS = 3; // after these a step must not reserve memory
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
