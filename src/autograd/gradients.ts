/**
 * The gradients that a backward pass has computed and not consumed yet, and the memory they occupy.
 *
 * A value that several operations read gets a gradient from each; they are summed here. A sum may overwrite a gradient only if
 * this pass computed it and nothing else refers to it, since a vjp may also return its own argument or a saved tensor.
 */
import { addInto, collect, copy, type Storage, type Tensor } from "../tensor/index.ts";
import type { Node, Variable } from "./variable.ts";

/** Owner of a gradient: the operation that computed the value, or the leaf itself. */
const ownerOf = (variable: Variable): Node | Variable => variable.node ?? variable;

export class Gradients {
  readonly #pending = new Map<Node | Variable, Tensor>();
  /** Storages allocated by this pass: they may be overwritten and freed once nothing holds them. */
  readonly #owned = new Set<Storage>();
  /** What the current vjp allocated. */
  #made: readonly Storage[] = [];

  /** Runs `body` and takes ownership of the tensors that it allocates. */
  compute<T>(body: () => T): T {
    const { result, made } = collect(body);
    for (const storage of made) this.#owned.add(storage);
    this.#made = made;
    return result;
  }

  /** Adds `g` to the gradient of `variable`. */
  add(variable: Variable, g: Tensor): void {
    const owner = ownerOf(variable);
    const before = this.#pending.get(owner);
    if (!before) {
      g.storage.holds++;
      this.#pending.set(owner, g);
      return;
    }
    const total = this.#isExclusive(before) ? before : copy(before);
    addInto(total, g);
    if (total !== before) {
      this.#owned.add(total.storage);
      total.storage.holds++;
      this.#pending.set(owner, total);
      this.#drop(before);
    }
    this.#freeIfUnused(g.storage);
  }

  /** Removes and returns the gradient of the value of `node`; every operation that reads the value has added its part. */
  take(node: Node): Tensor {
    const g = this.#pending.get(node) as Tensor;
    this.#pending.delete(node);
    return g;
  }

  /** Frees `g` and the intermediates of its vjp, unless they are part of another gradient. */
  consumed(g: Tensor): void {
    this.#drop(g);
    for (const storage of this.#made) this.#freeIfUnused(storage);
    this.#made = [];
  }

  /** Adds the remaining gradients to the `grad` of their leaves. */
  intoLeaves(): void {
    for (const [owner, g] of this.#pending) {
      const leaf = owner as Variable; // the gradients of all nodes have been consumed
      if (leaf.grad) addInto(leaf.grad, g);
      else leaf.grad = this.#isExclusive(g) ? g : copy(g);
      this.#drop(g);
    }
  }

  #isExclusive({ storage }: Tensor): boolean {
    return storage.holds === 1 && this.#owned.has(storage);
  }

  #drop({ storage }: Tensor): void {
    storage.holds--;
    this.#freeIfUnused(storage);
  }

  #freeIfUnused(storage: Storage): void {
    if (storage.holds === 0 && this.#owned.has(storage)) storage.free();
  }
}
