/**
 * Activation checkpointing: runs a function without storing its activations, and runs it a second time in the backward pass, which
 * needs them. One more forward pass in exchange for the memory of the activations.
 *
 * Chen et al. 2016, arXiv:1604.06174; `torch.utils.checkpoint` in PyTorch.
 */
import { scope, type Tensor, zeros } from "../tensor/index.ts";
import { backward } from "./backward.ts";
import { isRecording, noGrad, withGrad } from "./noGrad.ts";
import { nodeId, record } from "./op.ts";
import { constant, tensorOf, Variable } from "./variable.ts";

/**
 * body(...inputs), its activations recomputed in the backward pass. Parameters used inside `body` get their gradients; any other
 * recorded value must come in as an input, or `backward` throws `GraphError`.
 */
export function recompute(
  body: (...inputs: Variable[]) => Variable,
  ...inputs: readonly (Tensor | Variable)[]
): Variable {
  const values = inputs.map(tensorOf);
  const run = () => scope(() => noGrad(() => body(...values.map(constant)).value));
  if (!isRecording()) return constant(run());
  return record("recompute", inputs, () => ({
    value: run(),
    vjp: (g, needs) =>
      withGrad(() => {
        const since = nodeId();
        const leaves = values.map((value, i) => new Variable(value, needs[i]));
        const output = body(...leaves);
        if (output.requiresGrad) backward(output, g, since);
        // An input that body does not use has gradient 0.
        return leaves.map((leaf, i) => leaf.takeGrad() ?? (needs[i] ? zeros(leaf.shape, leaf.value.dtype) : undefined));
      }),
  }));
}
