/**
 * Variable: a tensor that remembers how it was computed, so that gradients can flow back through it.
 *
 * A leaf made by `parameter` collects its gradient in `grad`; a constant collects nothing; every other variable points to
 * the operation that computed it.
 */
import { INSPECT, requireTensor, type Shape, type Storage, storages, type Tensor } from "../tensor/index.ts";

/** One recorded operation. Ids increase, so descending ids are a reverse topological order. */
export interface Node {
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly (Variable | undefined)[];
  readonly vjp: (g: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[];
  /** Storages that the vjp reads; held until it has run. */
  readonly saves: readonly Storage[];
  /** Storages that this operation allocated, including its value; freed after the vjp unless held elsewhere. */
  readonly made: readonly Storage[];
  done: boolean;
}

/** How the numbers of a parameter are arranged, for optimizers: a matrix may stand for a tensor of more axes, or for several. */
export interface Layout {
  /** All axes, a row-major view of the numbers: [D, 3, H, K] for queries, keys and values of every head in [D, 3D]. */
  readonly axes: Shape;
  /** Matrices side by side: 3 for queries, keys and values; 1 by default. */
  readonly parts?: number;
}

/** A tensor and, where it was computed from parameters, the operation that computed it. Made by `parameter`, `constant` and operations. */
export class Variable {
  readonly value: Tensor;
  readonly node: Node | undefined;
  /** The arrangement of a parameter's numbers; by default that of its shape. */
  readonly layout: Layout;
  /** Whether operations on it are recorded. Set to false in a leaf, it freezes it. */
  requiresGrad: boolean;
  #grad: Tensor | undefined;

  constructor(value: Tensor, requiresGrad: boolean, node?: Node, layout: Layout = { axes: value.shape }) {
    this.value = value;
    this.layout = layout;
    this.requiresGrad = requiresGrad;
    this.node = node;
  }

  get shape(): readonly number[] {
    return this.value.shape;
  }

  /** The gradient that `backward` has added up in this leaf; set to `undefined` to free its memory. */
  get grad(): Tensor | undefined {
    return this.#grad;
  }
  set grad(g: Tensor | undefined) {
    if (g) g.storage.holds++;
    if (this.#grad) {
      this.#grad.storage.holds--;
      if (this.#grad.storage.holds === 0) this.#grad.storage.free();
    }
    this.#grad = g;
  }

  /** Returns the gradient, whose memory is then the caller's, and clears it here. */
  takeGrad(): Tensor | undefined {
    const g = this.#grad;
    if (g) g.storage.holds--;
    this.#grad = undefined;
    return g;
  }

  /** Operation, shape, type and rounded numbers; also shown by Node's `console.log`. */
  toString(): string {
    const kind = this.node ? `${this.node.op} →` : this.requiresGrad ? "parameter" : "constant";
    return String(this.value).replace(/^tensor/, kind);
  }

  [INSPECT](): string {
    return this.toString();
  }

  [storages](): Iterable<Storage> {
    return [this.value.storage];
  }
}

/** A leaf that collects its gradient. */
export function parameter(value: Tensor): Variable {
  requireTensor("parameter", value);
  return new Variable(value, true);
}

/** A leaf that collects its gradient and whose numbers are arranged as `layout` says. */
export const parameterWithLayout = (value: Tensor, layout: Layout): Variable =>
  new Variable(value, true, undefined, layout);

/** A leaf without a gradient. */
export function constant(value: Tensor): Variable {
  requireTensor("constant", value);
  return new Variable(value, false);
}

/** The tensor of a variable, or the tensor itself. */
export const tensorOf = (x: Tensor | Variable): Tensor => (x instanceof Variable ? x.value : x);
