/** Differentiable collectives. The backward pass sends gradients against the direction of the forward pass. */
import { op } from "../autograd/index.ts";
import { slice, type Tensor } from "../tensor/index.ts";
import type { Communicator } from "./communicator.ts";

/** The block of the neighbour; the backward pass shifts its gradient back to the rank that sent it. */
export const ringShift = op("ringShift", (x: Tensor, comm: Communicator, by: 1 | -1 = -1) => ({
  value: comm.shift(x, by),
  vjps: [(g) => comm.shift(g, by === 1 ? -1 : 1)],
}));

/** The blocks of all ranks [size, ...shape]; the gradient of a rank's block is the sum over all ranks. */
export const allGather = op("allGather", (x: Tensor, comm: Communicator) => ({
  value: comm.allGather(x),
  vjps: [(g) => slice(comm.allReduce(g), 0, comm.rank, comm.rank + 1).view(x.shape)],
}));
