/**
 * The sigmoid loss on several devices as in the paper (section 3.3, figure 1): images stay, texts go round the ring, and no
 * device ever holds more than one block of pairs.
 *
 * zimg, ztxt [n, d]: this device's rows of a batch of n·size pairs. The loss is the sum over ranks, and so are the gradients of
 * t′ and b. The gradients of zimg and ztxt are complete: the backward pass of the ring returns those of the texts.
 */
import { add, div, recompute, type Variable } from "../autograd/index.ts";
import { type Communicator, ringShift } from "../parallel/index.ts";
import { checkPairs, matchingBlock, negativeBlock } from "./loss.ts";

/**
 * This device's share of the loss of the whole batch; the sum over ranks is the loss.
 *
 * zimg, ztxt [n, d], tPrime, b [] → []. Throws `ShapeError` unless both are [n, d].
 */
export function chunkedSigmoidLoss(
  zimg: Variable,
  ztxt: Variable,
  tPrime: Variable,
  b: Variable,
  comm: Communicator,
  onBlock?: (imageShard: number, textShard: number) => void,
): Variable {
  const n = checkPairs("chunkedSigmoidLoss", zimg, ztxt);
  let texts = ztxt;
  let loss = recompute(matchingBlock, zimg, texts, tPrime, b); // own texts: the diagonal matches
  onBlock?.(comm.rank, comm.rank);
  for (let hop = 1; hop < comm.size; hop++) {
    texts = ringShift(texts, comm);
    loss = add(loss, recompute(negativeBlock, zimg, texts, tPrime, b)); // texts of another device: negatives only
    onBlock?.(comm.rank, (comm.rank + hop) % comm.size);
  }
  return div(loss, n * comm.size);
}
