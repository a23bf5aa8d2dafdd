/**
 * Reverse-mode differentiation: visits the recorded operations from the last to the first and hands each its gradient.
 *
 * Memory goes back as soon as it can: what an operation made or saved when its vjp has run, a gradient when the operation
 * that needed it has. A graph can be walked once.
 */
import {
  addInto,
  collect,
  copy,
  ones,
  ShapeError,
  type Storage,
  sameShape,
  show,
  sumTo,
  type Tensor,
} from "../tensor/index.ts";
import type { Node, Variable } from "./variable.ts";

/** The recorded graph cannot be differentiated: it was used up, or nothing in it needs a gradient. */
export class GraphError extends Error {
  override readonly name = "GraphError";
}

/** All operations that `root` depends on and that need gradients, last recorded first. */
function recorded(root: Variable, since: number): Node[] {
  const seen = new Set<Node>();
  const stack: Node[] = root.node ? [root.node] : [];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    if (node.done) {
      throw new GraphError(
        `backward: the graph behind ${node.op} was already walked; record it anew for another gradient`,
      );
    }
    if (node.id < since) {
      throw new GraphError(`backward: ${node.op} was recorded outside; hand it to checkpoint as an input`);
    }
    seen.add(node);
    for (const input of node.inputs) if (input?.requiresGrad && input.node) stack.push(input.node);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/**
 * Adds the gradient of `root` to `grad` of every parameter it depends on.
 *
 * `cotangent` is the gradient of root itself: 1 for a scalar when left out. The values in between are given back; the
 * value of `root` and everything kept stay. `since`: the graph may not reach behind this node id (for `checkpoint`).
 */
export function backward(root: Variable, cotangent?: Tensor, since = 0): void {
  if (!root.requiresGrad) throw new GraphError("backward: nothing that this value depends on needs a gradient");
  if (!cotangent && root.value.size !== 1) {
    throw new ShapeError(`backward: ${show(root.shape)} is not a scalar; give its cotangent`);
  }
  if (cotangent && !sameShape(cotangent.shape, root.shape)) {
    throw new ShapeError(`backward: cotangent ${show(cotangent.shape)} for a value of ${show(root.shape)}`);
  }
  const nodes = recorded(root, since);
  const seed = cotangent ?? ones(root.shape, root.value.dtype);
  const ours = new Set<Storage>(); // gradients made here: free to write over, and to give back
  if (!cotangent) ours.add(seed.storage);
  root.value.storage.holds++;
  seed.storage.holds++;
  const pending = new Map<Variable, Tensor>([[root, seed]]);
  const outputs = new Map<Node, Variable>();
  if (root.node) outputs.set(root.node, root);

  const drop = (g: Tensor): void => {
    g.storage.holds--;
    if (g.storage.holds === 0 && ours.has(g.storage)) g.storage.free();
  };

  const arrive = (input: Variable, g: Tensor): void => {
    const before = pending.get(input);
    if (!before) {
      g.storage.holds++;
      pending.set(input, g);
    } else if (before.storage.holds === 1 && ours.has(before.storage)) {
      addInto(before, g);
      if (g.storage.holds === 0 && ours.has(g.storage)) g.storage.free();
    } else {
      const total = copy(before);
      addInto(total, g);
      ours.add(total.storage);
      total.storage.holds++;
      pending.set(input, total);
      drop(before);
      if (g.storage.holds === 0 && ours.has(g.storage)) g.storage.free();
    }
  };

  for (const node of nodes) {
    const output = outputs.get(node) as Variable;
    const g = pending.get(output) as Tensor;
    pending.delete(output);
    const needs = node.inputs.map((input) => input?.requiresGrad ?? false);
    const { result: gradients, made } = collect(() =>
      node.vjp(g, needs).map((dx, i) => {
        const input = node.inputs[i];
        return dx && input && needs[i] ? sumTo(dx, input.shape) : undefined;
      }),
    );
    node.done = true;
    for (const storage of made) ours.add(storage);
    gradients.forEach((dx, i) => {
      const input = node.inputs[i];
      if (!input || !needs[i]) return;
      if (!dx) throw new GraphError(`backward: ${node.op} gives no gradient for its argument ${i}, which needs one`);
      if (input.node) outputs.set(input.node, input);
      arrive(input, dx);
    });
    drop(g);
    for (const storage of made) if (storage.live && storage.holds === 0) storage.free();
    for (const storage of node.saves) storage.holds--;
    for (const storage of node.made) if (storage.holds === 0 && !storage.escaped) storage.free();
  }

  for (const [leaf, g] of pending) {
    if (leaf.grad) addInto(leaf.grad, g);
    else leaf.grad = g.storage.holds === 1 && ours.has(g.storage) ? g : copy(g);
    drop(g);
  }
  root.value.storage.holds--;
}
