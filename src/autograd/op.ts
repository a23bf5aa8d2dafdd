/**
 * An operation is one function that returns its value and its vjps, next to each other.
 *
 *     export const mul = op("mul", (a: Operand, b: Operand) => ({
 *       value: T.mul(a, b),
 *       vjps: [(g) => T.mul(g, b), (g) => T.mul(g, a)],
 *     }));
 *
 * The rule is written on tensors; `op` lifts it: wherever a tensor is accepted, a variable is too. One vjp per argument
 * maps the gradient g of the value to the gradient of that argument, and is called only if that argument needs one. The
 * engine sums a gradient to the shape of a broadcast argument, so no rule mentions broadcasting.
 */
import { collect, type Storage, scope, Tensor } from "../tensor/index.ts";
import { isRecording } from "./noGrad.ts";
import { type Node, Variable } from "./variable.ts";

/** Maps the gradient of a value to the gradient of one argument. */
export type Vjp = (g: Tensor) => Tensor;

/** Result of a rule: the value, and how the gradients of the arguments follow from the gradient of the value. */
export interface Rule {
  readonly value: Tensor;
  /** One per argument; `undefined` where there is no gradient (numbers, options). */
  readonly vjps?: readonly (Vjp | undefined)[];
  /** Replaces `vjps` where one pass computes several gradients. `needs[i]` says whether the i-th is needed. */
  readonly vjp?: Node["vjp"];
  /** The tensors that the derivative reads; by default every input and intermediate. Anything not listed may be freed early. */
  readonly saves?: readonly Tensor[];
}

/** Arguments of a rule, with variables allowed wherever tensors are. */
export type Lifted<A extends readonly unknown[]> = {
  [K in keyof A]: Tensor extends A[K] ? A[K] | Variable : A[K];
};

/** An operation on variables and tensors; its result is a variable. */
export interface Op<A extends readonly unknown[]> {
  (...args: Lifted<A>): Variable;
  readonly opName: string;
}

let nextId = 0;

/** The id of the next node to be recorded. */
export const nodeId = (): number => nextId;

/** Runs a rule and records it; the storages that its vjp reads are held until the vjp has run. */
export function record(name: string, args: readonly unknown[], rule: () => Rule): Variable {
  const { result, made } = collect(rule);
  const vjps = result.vjps ?? [];
  const vjp: Node["vjp"] = result.vjp ?? ((g, needs) => needs.map((needed, i) => (needed ? vjps[i]?.(g) : undefined)));
  const inputs = args.map((arg) => (arg instanceof Variable ? arg : undefined));
  const reads: Storage[] = [];
  for (const arg of args) {
    const value = arg instanceof Variable ? arg.value : arg;
    if (value instanceof Tensor) reads.push(value.storage);
  }
  const saves = result.saves?.map(({ storage }) => storage) ?? [...made, ...reads];
  for (const storage of saves) storage.holds++;
  return new Variable(result.value, true, { id: nextId++, op: name, inputs, vjp, made, saves, done: false });
}

/** Releases what `record` held, after the vjp has run; values that others hold or that were kept stay. */
export function release(node: Node): void {
  node.done = true;
  for (const storage of node.saves) storage.holds--;
  for (const storage of node.made) if (storage.holds === 0 && !storage.escaped) storage.free();
}

/** Lifts a rule on tensors to an operation on variables. `name` appears in messages and in the table of gradient checks. */
export function op<A extends readonly unknown[]>(name: string, rule: (...args: A) => Rule): Op<A> {
  const lifted = (...args: Lifted<A>): Variable => {
    const values = args.map((arg) => (arg instanceof Variable ? arg.value : arg)) as unknown as A;
    if (isRecording() && args.some((arg) => arg instanceof Variable && arg.requiresGrad)) {
      return record(name, args, () => rule(...values));
    }
    return new Variable(
      scope(() => rule(...values).value),
      false,
    );
  };
  return Object.assign(lifted, { opName: name });
}
