/** The loss of the bench: unit rows from a seed, t′ and b as at the start of training. */
import type { Communicator } from "../src/parallel/index.ts";
import { lossForms } from "../src/siglip/index.ts";
import { generate, l2Normalize, Rng, scope, type Tensor } from "../src/tensor/index.ts";

const [T_PRIME, BIAS] = [Math.log(10), -10];

/** The forms that training uses. */
export type Form = "fused" | "softmax";

/** One loss with all its gradients over this device's share of the batch, as a function that returns the loss. */
export function makeLoss(form: Form, batch: number, width: number, comm: Communicator): () => number {
  const unitRows = (side: string): Tensor => {
    const rng = new Rng(1).split(side).split(comm.rank);
    return l2Normalize(
      generate([batch / comm.size, width], () => rng.normal()),
      0,
    ).value;
  };
  const [zimg, ztxt] = [unitRows("images"), unitRows("texts")];
  const embedded = { zimg, ztxt, tPrime: T_PRIME, b: BIAS, comm, shards: comm.size };
  return () => scope(() => lossForms[form].gradients(embedded).loss);
}
