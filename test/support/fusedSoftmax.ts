/** `fusedSoftmaxLoss` as an operation on variables, so that tests of the formula run it too. */
import { op } from "../../src/autograd/index.ts";
import { alone } from "../../src/parallel/index.ts";
import { fusedSoftmaxLoss } from "../../src/siglip/index.ts";
import { mul, scalar, type Tensor } from "../../src/tensor/index.ts";

/** The softmax loss on one device.   zimg, ztxt [n, d], tPrime [] → [] */
export const fusedSoftmax = op("fusedSoftmax", (zimg: Tensor, ztxt: Tensor, tPrime: Tensor) => {
  const { loss, dzimg, dztxt, dtPrime } = fusedSoftmaxLoss(zimg, ztxt, tPrime.item(), alone);
  return {
    value: scalar(loss, zimg.dtype),
    vjps: [(g) => mul(dzimg, g), (g) => mul(dztxt, g), (g) => mul(g, dtPrime)],
    saves: [dzimg, dztxt],
  };
});
