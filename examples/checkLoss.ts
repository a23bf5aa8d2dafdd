/**
 * Checks your own sigmoid loss: value and gradients against the reference, in f64.
 *
 * The loss checked here has a common mistake: the mean over all n² pairs. It looks plausible and its gradients have the right
 * direction, but both are too small by a factor of n, so the learning rate depends on the batch size.
 */
import { backward, l2Normalize, logSigmoid, mean, mul, neg, parameter, type Variable } from "siglip-ts/autograd";
import { pairLogits, sigmoidLoss } from "siglip-ts/siglip";
import { eye, generate, Rng, scalar, sub, type Tensor, mul as times } from "siglip-ts/tensor";

type Loss = (zimg: Variable, ztxt: Variable, tPrime: Variable, b: Variable) => Variable;

const yours: Loss = (zimg, ztxt, tPrime, b) => {
  const labels = sub(times(eye(zimg.shape[0], "f64"), 2), 1); // +1 on the diagonal, −1 elsewhere
  return neg(mean(logSigmoid(mul(pairLogits(zimg, ztxt, tPrime, b), labels))));
};

const [n, d] = [8, 16];

/** The loss, and the norms of its gradients with respect to images, texts, t′ and b. */
function measure(loss: Loss): number[] {
  const rng = new Rng(0);
  const rows = () => parameter(generate([n, d], () => rng.normal(), "f64"));
  const inputs = [rows(), rows(), parameter(scalar(Math.log(10), "f64")), parameter(scalar(-10, "f64"))] as const;
  const [u, v, tPrime, b] = inputs;
  const value = loss(l2Normalize(u, 0), l2Normalize(v, 0), tPrime, b);
  backward(value);
  return [value.value.item(), ...inputs.map((x) => Math.hypot(...(x.grad as Tensor).data))];
}

const [right, found] = [measure(sigmoidLoss), measure(yours)];
["loss", "images", "texts", "t′", "b"].forEach((what, i) => {
  const ratio = found[i] / right[i];
  console.log(
    `${what.padEnd(7)}${right[i].toFixed(5).padStart(10)}${found[i].toFixed(5).padStart(10)}  × ${ratio.toFixed(4)}`,
  );
});
