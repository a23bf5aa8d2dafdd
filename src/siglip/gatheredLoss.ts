/**
 * The softmax loss on several devices: its normalizers need every pair, so every device gathers all embeddings and computes
 * the whole loss. That is what the sigmoid loss does without.
 */
import { backward, parameter } from "../autograd/index.ts";
import type { Communicator } from "../parallel/index.ts";
import { copy, full, slice, type Tensor } from "../tensor/index.ts";
import type { LossGradients } from "./fusedLoss.ts";
import { checkPairs } from "./loss.ts";
import { softmaxLoss } from "./softmaxLoss.ts";

/** zimg, ztxt [n, d]: this device's rows. The same bits on every rank. */
export function gatheredSoftmaxLoss(zimg: Tensor, ztxt: Tensor, tPrime: number, comm: Communicator): LossGradients {
  const n = checkPairs("gatheredSoftmaxLoss", zimg, ztxt);
  const all = (x: Tensor): Tensor => comm.allGather(x).view([comm.size * n, x.shape[1]]);
  const [images, texts] = [parameter(all(zimg)), parameter(all(ztxt))];
  const t = parameter(full([], tPrime, zimg.dtype));
  const loss = softmaxLoss(images, texts, t);
  const value = loss.value.item();
  backward(loss);
  const own = (of: typeof images): Tensor => copy(slice(of.grad as Tensor, 0, comm.rank * n, (comm.rank + 1) * n));
  return { loss: value, dtPrime: (t.grad as Tensor).item(), db: 0, dzimg: own(images), dztxt: own(texts) };
}
