/** Differentiable collectives: what goes round the ring comes back the other way as a gradient. */
import { op } from "../autograd/index.ts";
import { slice, type Tensor } from "../tensor/index.ts";
import type { Communicator } from "./communicator.ts";

/** The block of the neighbour; its gradient is handed back to where the block came from. */
export const ringShift = op("ringShift", (x: Tensor, comm: Communicator, by: 1 | -1 = -1) => ({
  value: comm.shift(x, by),
  vjps: [(g) => comm.shift(g, by === 1 ? -1 : 1)],
}));

/** All ranks' blocks [size, ...shape]; the gradient of one's own is the sum over all ranks that used it. */
export const allGather = op("allGather", (x: Tensor, comm: Communicator) => ({
  value: comm.allGather(x),
  vjps: [(g) => slice(comm.allReduce(g), 0, comm.rank, comm.rank + 1).view(x.shape)],
}));
