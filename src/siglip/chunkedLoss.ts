/**
 * The sigmoid loss on several devices as in the paper (section 3.3, figure 1): images stay, texts go round the ring, and no
 * device ever holds more than one block of pairs.
 *
 * zimg, ztxt [n, d]: this device's rows of a batch of n·size pairs. The loss is the sum over ranks, and so are the gradients of
 * t′ and b. The gradients of zimg and ztxt are complete: the backward pass of the ring returns those of the texts.
 */
import { add, div, recompute, type Variable } from "../autograd/index.ts";
import { type Communicator, ringShift } from "../parallel/index.ts";
import type { PairRule } from "../tensor/index.ts";
import { checkPairs, deviceBlock } from "./loss.ts";

/**
 * This device's share of the loss of the whole batch; the sum over ranks is the loss.
 *
 * zimg, ztxt [n, d], tPrime, b [] → []. `rule` says which pairs count, and as what. Throws `ShapeError` unless both are [n, d].
 */
export function chunkedSigmoidLoss(
  zimg: Variable,
  ztxt: Variable,
  tPrime: Variable,
  b: Variable,
  comm: Communicator,
  onBlock?: (imageShard: number, textShard: number) => void,
  rule?: PairRule,
): Variable {
  const n = checkPairs("chunkedSigmoidLoss", zimg, ztxt);
  let texts = ztxt;
  const block = (owner: number) => deviceBlock(n, comm.rank, owner, comm.size, rule);
  let loss = recompute(block(comm.rank), zimg, texts, tPrime, b);
  onBlock?.(comm.rank, comm.rank);
  for (let hop = 1; hop < comm.size; hop++) {
    texts = ringShift(texts, comm);
    const owner = (comm.rank + hop) % comm.size;
    loss = add(loss, recompute(block(owner), zimg, texts, tPrime, b));
    onBlock?.(comm.rank, owner);
  }
  return div(loss, n * comm.size);
}
