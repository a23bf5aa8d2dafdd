/** Computes an expression with the operations of `autograd`, and logs the graph that they record and every vjp of the backward pass. */
import * as A from "../../src/autograd/index.ts";
import { scope, tensor } from "../../src/tensor/index.ts";
import { type Expression, ExpressionError, namesOf, type OpName, parse } from "./parse.ts";

/** A value of the graph: a number, a name, or the result of an operation. */
export interface GraphNode {
  /** The operation; undefined in a leaf. */
  readonly op: OpName | undefined;
  /** The name or the number of a leaf. */
  readonly leaf: string;
  /** Nodes before this one in the list. */
  readonly inputs: readonly number[];
  readonly value: number;
}

/** One operation of the backward pass. */
export interface BackwardStep {
  readonly node: number;
  /** The gradient of its value. */
  readonly g: number;
  /** What its vjps return, one for each input; null where no gradient is needed. */
  readonly parts: readonly (number | null)[];
}

/** An expression, forward and backward. */
export interface Recorded {
  /** The last is the value of the expression. */
  readonly nodes: readonly GraphNode[];
  readonly steps: readonly BackwardStep[];
  /** For each name: its gradient, and the slope measured by moving it a little. */
  readonly leaves: readonly { readonly name: string; readonly gradient: number; readonly measured: number }[];
}

type Values = Readonly<Record<string, number>>;
type Ops = Readonly<Record<OpName, (...args: A.Variable[]) => A.Variable>>;

const scalar = (value: number) => tensor([value], [], "f64");

/** Computes an expression; `seen` gets the variable of every number and operation. */
function compute(
  expression: Expression,
  leaf: (name: string) => A.Variable,
  seen: (variable: A.Variable, op: OpName | undefined, leaf: string) => void = () => {},
): A.Variable {
  const ops = A as unknown as Ops;
  const visit = (part: Expression): A.Variable => {
    if (part.kind === "name") return leaf(part.name);
    const isNumber = part.kind === "number";
    const variable = isNumber ? A.constant(scalar(part.value)) : ops[part.op](...part.args.map(visit));
    seen(variable, isNumber ? undefined : part.op, isNumber ? String(part.value) : "");
    return variable;
  };
  return visit(expression);
}

/** The value of an expression. */
export const computed = (expression: Expression, values: Values): number =>
  scope(() => A.noGrad(() => compute(expression, (name) => A.constant(scalar(values[name]))).value.item()));

/** Runs an expression forward and backward. Throws `ExpressionError`. */
export function recordBackward(text: string, values: Values): Recorded {
  const expression = parse(text);
  const names = namesOf(expression);
  if (names.length === 0) throw new ExpressionError("the expression has no name, so nothing has a gradient; write x");
  return scope(() => {
    const variables: A.Variable[] = [];
    const nodes: GraphNode[] = [];
    const needsGradient: boolean[] = [];
    const add = (variable: A.Variable, op: OpName | undefined, leaf: string, args = variable.node?.inputs ?? []): void => {
      variables.push(variable);
      needsGradient.push(variable.requiresGrad);
      nodes.push({ op, leaf, inputs: args.map((input) => variables.indexOf(input as A.Variable)), value: variable.value.item() });
    }; // biome-ignore format: a line each
    const leaves = new Map<string, A.Variable>();
    const leaf = (name: string): A.Variable => {
      const known = leaves.get(name);
      if (known) return known;
      const made = A.parameter(scalar(values[name]));
      leaves.set(name, made);
      add(made, undefined, name);
      return made;
    };
    const root = compute(expression, leaf, add);
    const steps = logVjps(variables);
    A.backward(root);
    const results = names.map((name) => {
      const gradient = leaves.get(name)?.takeGrad()?.item() ?? 0;
      return { name, gradient, measured: slope(expression, values, name) };
    });
    return { nodes, steps, leaves: results };
  });
}

/** Wraps the vjp of every recorded operation, so that `backward` logs what it calls. */
function logVjps(variables: readonly A.Variable[]): BackwardStep[] {
  const steps: BackwardStep[] = [];
  variables.forEach(({ node }, number) => {
    if (!node) return;
    const { vjp } = node;
    const logged: A.Node["vjp"] = (g, needs) => {
      const parts = vjp(g, needs);
      steps.push({ node: number, g: g.item(), parts: parts.map((part) => part?.item() ?? null) });
      return parts;
    };
    Object.assign(node, { vjp: logged });
  });
  return steps;
}

/** The slope between two points close to a value. */
function slope(expression: Expression, values: Values, name: string): number {
  const h = 1e-5 * Math.max(1, Math.abs(values[name]));
  const at = (value: number): number => computed(expression, { ...values, [name]: value });
  return (at(values[name] + h) - at(values[name] - h)) / (2 * h);
}
