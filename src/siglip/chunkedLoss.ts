/**
 * The sigmoid loss on several devices as the paper has it (section 3.3, figure 1): images stay, texts go round the ring, and
 * no device ever holds more than one block of pairs.
 *
 * zimg, ztxt [n, d]: this device's rows; the batch is n·size. Returns this device's share: the loss is the sum over ranks,
 * and so are the gradients of t′ and b (those of zimg and ztxt are whole: the ring brings home what texts collected abroad).
 */
import { add, div, recompute, type Variable } from "../autograd/index.ts";
import { type Communicator, ringShift } from "../parallel/index.ts";
import { checkPairs, matchingBlock, negativeBlock } from "./loss.ts";

/**
 * This device's share of the loss of the whole batch: the sum over ranks of all shares is the loss.
 *
 * zimg, ztxt [n, d], tPrime, b [] → []. Throws `ShapeError` for embeddings that do not pair up.
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
