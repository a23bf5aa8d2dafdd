/**
 * Variable: a tensor that remembers how it was made, so that gradients can flow back through it.
 *
 * A leaf made by `parameter` collects its gradient in `grad`; a constant collects nothing; everything else comes from an
 * operation and points to it.
 */
import { INSPECT, type Storage, storages, type Tensor } from "../tensor/index.ts";

/** One recorded operation. Ids grow with time, so falling ids are a reverse topological order. */
export interface Node {
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly (Variable | undefined)[];
  readonly vjp: (g: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[];
  /** What the vjp reads: held until it has run. */
  readonly saves: readonly Storage[];
  /** What this operation made, its value among it: freed then, unless others hold it. */
  readonly made: readonly Storage[];
  done: boolean;
}

/** A tensor and, where it was computed from parameters, the operation that computed it. Made by `parameter`, `constant` and operations. */
export class Variable {
  readonly value: Tensor;
  readonly node: Node | undefined;
  readonly requiresGrad: boolean;
  #grad: Tensor | undefined;

  constructor(value: Tensor, requiresGrad: boolean, node?: Node) {
    this.value = value;
    this.requiresGrad = requiresGrad;
    this.node = node;
  }

  get shape(): readonly number[] {
    return this.value.shape;
  }

  /** The gradient that `backward` has added up in this leaf; set to `undefined` to give its memory back. */
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

  /** Hands the gradient over: it is the caller's now, and this leaf starts anew. */
  takeGrad(): Tensor | undefined {
    const g = this.#grad;
    if (g) g.storage.holds--;
    this.#grad = undefined;
    return g;
  }

  /** How it was made, shape, type and rounded numbers, as `console.log` of Node shows it. */
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

/** A leaf whose gradient is wanted. */
export const parameter = (value: Tensor): Variable => new Variable(value, true);

/** A leaf whose gradient is not. */
export const constant = (value: Tensor): Variable => new Variable(value, false);

/** The tensor of a variable, or the tensor itself. */
export const tensorOf = (x: Tensor | Variable): Tensor => (x instanceof Variable ? x.value : x);
