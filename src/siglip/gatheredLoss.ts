/** Losses on several devices by all-gather: unlike in the ring forms, every device holds all embeddings. */
import { add, backward, div, parameter, slice as part, recompute, reshape, type Variable } from "../autograd/index.ts";
import { allGather, type Communicator } from "../parallel/index.ts";
import { copy, full, type PairRule, slice, type Tensor } from "../tensor/index.ts";
import type { LossGradients } from "./fusedLoss.ts";
import { checkPairs, deviceBlock } from "./loss.ts";
import { ruledSoftmaxLoss } from "./softmaxLoss.ts";

/**
 * This device's share of the sigmoid loss, block by block as in `chunkedSigmoidLoss`, but with all texts gathered first: one
 * exchange instead of a ring, and memory for every text.   zimg, ztxt [n, d]
 */
export function gatheredSigmoidLoss(
  zimg: Variable,
  ztxt: Variable,
  tPrime: Variable,
  b: Variable,
  comm: Communicator,
  rule?: PairRule,
): Variable {
  const n = checkPairs("gatheredSigmoidLoss", zimg, ztxt);
  const texts = allGather(ztxt, comm); // [size, n, d]
  const block = (rank: number): Variable => reshape(part(texts, 0, rank, rank + 1), ztxt.shape);
  const lossWith = (rank: number): Variable =>
    recompute(deviceBlock(n, comm.rank, rank, comm.size, rule), zimg, block(rank), tPrime, b);
  let loss = lossWith(comm.rank);
  for (let rank = 0; rank < comm.size; rank++) {
    if (rank !== comm.rank) loss = add(loss, lossWith(rank));
  }
  return div(loss, n * comm.size);
}

/**
 * The softmax loss and its gradients. Its normalizers need every pair, so every device computes the whole loss from all
 * embeddings, bit-identical on every rank.   zimg, ztxt [n, d]: this device's rows
 */
export function gatheredSoftmaxLoss(
  zimg: Tensor,
  ztxt: Tensor,
  tPrime: number,
  comm: Communicator,
  rule?: PairRule,
): LossGradients {
  const n = checkPairs("gatheredSoftmaxLoss", zimg, ztxt);
  const all = (x: Tensor): Tensor => comm.allGather(x).view([comm.size * n, x.shape[1]]);
  const [images, texts] = [parameter(all(zimg)), parameter(all(ztxt))];
  const t = parameter(full([], tPrime, zimg.dtype));
  const loss = ruledSoftmaxLoss(images, texts, t, rule);
  const value = loss.value.item();
  backward(loss);
  const own = (of: typeof images): Tensor => copy(slice(of.grad as Tensor, 0, comm.rank * n, (comm.rank + 1) * n));
  return { loss: value, dtPrime: (t.grad as Tensor).item(), db: 0, dzimg: own(images), dztxt: own(texts) };
}
