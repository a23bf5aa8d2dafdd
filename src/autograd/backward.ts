/**
 * Reverse-mode differentiation: the chain rule, from the last operation to the first.
 *
 *   y = f(x₁, x₂, ...)   and   g = ∂L/∂y   give   ∂L/∂xᵢ += vjpᵢ(g)
 *
 * Every recorded operation (`op.ts`) carries its vjps. The gradient g of a value is complete when all operations that read the
 * value have been visited, so operations are visited in reverse order of recording. Each vjp runs once; what only it needed is
 * freed right after (`gradients.ts`, `release`).
 */
import { ones, ShapeError, sameShape, show, sumTo, type Tensor } from "../tensor/index.ts";
import { Gradients } from "./gradients.ts";
import { release } from "./op.ts";
import type { Node, Variable } from "./variable.ts";

/** The recorded graph cannot be differentiated: it was already used, or nothing in it needs a gradient. */
export class GraphError extends Error {
  override readonly name = "GraphError";
}

/**
 * Adds the gradient of `root` to `grad` of every parameter that it depends on.
 *
 * `cotangent` is the gradient of `root` itself, of its shape; a scalar needs none, its own is 1. Intermediates are freed; the
 * value of `root` and kept tensors stay. `since`: the graph may not reach back past this node id (for `recompute`).
 * Throws `GraphError` and `ShapeError`.
 */
export function backward(root: Variable, cotangent?: Tensor, since = 0): void {
  requireDifferentiable(root, cotangent);
  const nodes = recorded(root, since);
  const gradients = new Gradients();
  gradients.add(root, cotangent ?? gradients.compute(() => ones(root.shape, root.value.dtype)));
  root.value.storage.holds++; // the value of root stays
  for (const node of nodes) {
    const { inputs, vjp } = node;
    const needs = inputs.map((input) => input?.requiresGrad ?? false);
    const g = gradients.take(node);
    const inputGradients = gradients.compute(() =>
      vjp(g, needs).map((dx, i) => {
        const input = inputs[i];
        return dx && input && needs[i] ? sumTo(dx, input.shape) : undefined; // the inverse of broadcasting
      }),
    );
    inputs.forEach((input, i) => {
      if (!input || !needs[i]) return;
      const dx = inputGradients[i];
      if (!dx) throw new GraphError(`backward: ${node.op} returned no gradient for its argument ${i}, which needs one`);
      gradients.add(input, dx);
    });
    gradients.consumed(g);
    release(node);
  }
  gradients.intoLeaves();
  root.value.storage.holds--;
}

function requireDifferentiable({ requiresGrad, value, shape }: Variable, cotangent: Tensor | undefined): void {
  if (!requiresGrad) throw new GraphError("backward: nothing that this value depends on needs a gradient");
  if (!cotangent && value.size !== 1) {
    throw new ShapeError(`backward: ${show(shape)} is not a scalar; pass its cotangent`);
  }
  if (cotangent && !sameShape(cotangent.shape, shape)) {
    throw new ShapeError(
      `backward: cotangent ${show(cotangent.shape)} does not have the shape of the value, ${show(shape)}`,
    );
  }
}

/** The operations that `root` depends on and that need gradients, last recorded first. */
function recorded(root: Variable, since: number): Node[] {
  const seen = new Set<Node>();
  const stack: Node[] = root.node ? [root.node] : [];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    if (node.done) {
      throw new GraphError(
        `backward: the graph of ${node.op} was already used; run the forward pass again for another gradient`,
      );
    }
    if (node.id < since) {
      throw new GraphError(`backward: ${node.op} was recorded outside recompute; pass it to recompute as an input`);
    }
    seen.add(node);
    for (const input of node.inputs) if (input?.requiresGrad && input.node) stack.push(input.node);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}
