/** An expression and its values in the address; the backward pass as a film; where the nodes of the graph stand. */
import { numberIn } from "../scene.ts";
import { ExpressionError, namesOf, type OpName, parse } from "./parse.ts";
import type { GraphNode, Recorded } from "./record.ts";

export interface AutodiffState {
  readonly text: string;
  /** Of every name that has been used. */
  readonly values: Readonly<Record<string, number>>;
  readonly frame: number;
}

/** Expressions to begin with. */
export const PRESETS = [
  { name: "loss of a pair", text: "-logSigmoid(z * (exp(t′) * s + b))" },
  { name: "one name twice", text: "x * x + x * y" },
  { name: "sigmoid by hand", text: "1 / (1 + exp(-x))" },
  { name: "a neuron", text: "tanh(w * x + c)" },
] as const;

const FIRST: Readonly<Record<string, number>> = { s: 0.9, "t′": 2.3, b: -10, z: 1, x: 0.5, y: 3, w: 2, c: -1 };
const firstValue = (name: string): number => FIRST[name] ?? 1;

export function stateOf(parameters: URLSearchParams): AutodiffState {
  const text = parameters.get("expression") ?? PRESETS[0].text;
  const range = { min: -1000, max: 1000, step: 1e-6 };
  const values = Object.fromEntries(
    namesIn(text).map((name) => [name, numberIn(parameters, `at.${name}`, { initial: firstValue(name), ...range })]),
  );
  return { text, values, frame: numberIn(parameters, "frame", { initial: 0, min: 0, max: 99, step: 1 }) };
}

/** A value for every name of the expression. */
export const valuesOf = ({ text, values }: AutodiffState): Record<string, number> =>
  Object.fromEntries(namesIn(text).map((name) => [name, values[name] ?? firstValue(name)]));

export const parametersOf = (state: AutodiffState): Record<string, number | string> => ({
  expression: state.text,
  ...Object.fromEntries(Object.entries(valuesOf(state)).map(([name, value]) => [`at.${name}`, value])),
  frame: state.frame,
});

/** The names of an expression; none while it cannot be read. */
function namesIn(text: string): string[] {
  try {
    return namesOf(parse(text));
  } catch (error) {
    if (error instanceof ExpressionError) return [];
    throw error;
  }
}

/**
 * The vjps of each operation, one for each input, as expressions of g (the gradient of the value), u and v (the inputs) and out
 * (the value). They are for reading; tests compare them with what the operations return.
 */
export const VJPS: Readonly<Record<OpName, readonly string[]>> = {
  add: ["g", "g"],
  sub: ["g", "-g"],
  mul: ["g * v", "g * u"],
  div: ["g / v", "-g * out / v"],
  neg: ["-g"],
  exp: ["g * out"],
  log: ["g / u"],
  sqrt: ["g / (2 * out)"],
  square: ["g * 2 * u"],
  tanh: ["g * (1 - out * out)"],
  sigmoid: ["g * out * (1 - out)"],
  logSigmoid: ["g * sigmoid(-u)"],
  softplus: ["g * sigmoid(u)"],
};

const printed = (formula: string): string => formula.replaceAll(" * ", "·").replaceAll("-", "−");

/** A value with four significant digits. */
export const show = (value: number): string =>
  Number.isNaN(value) ? "not a number" : String(Number(value.toPrecision(4))).replaceAll("-", "−");

/** A moment of the backward pass. */
export interface Frame {
  /** The gradient of each node so far; undefined where none has come. */
  readonly gradients: readonly (number | undefined)[];
  /** The operation whose vjps have just run; undefined before the first. */
  readonly active: number | undefined;
  readonly text: string;
}

/** What the nodes are called in sentences; an operation that occurs more than once has a number: mul₁, mul₂. */
export function namesOfNodes(nodes: readonly GraphNode[]): string[] {
  const count = (op: OpName, among: readonly GraphNode[]): number => among.filter((node) => node.op === op).length;
  return nodes.map(({ op, leaf }, i) => {
    if (op === undefined) return leaf;
    return count(op, nodes) === 1 ? op : op + subscript(count(op, nodes.slice(0, i + 1)));
  });
}

const subscript = (number: number): string => [...String(number)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]).join("");

/** Whether the value and all slopes are finite; a formula of a vjp also gives numbers where its function has no value, as log below 0. */
const isDefined = (value: number, leaves: Recorded["leaves"]): boolean =>
  [value, ...leaves.flatMap(({ gradient, measured }) => [gradient, measured])].every(Number.isFinite);

/** The film: the values, the gradient of the value itself, then one operation a frame. */
export function filmOf({ nodes, steps, leaves }: Recorded): Frame[] {
  const last = nodes.length - 1;
  const names = namesOfNodes(nodes);
  const gradients: (number | undefined)[] = nodes.map(() => undefined);
  const flow = (input: number, part: number, formula: string): string => {
    const before = gradients[input];
    gradients[input] = (before ?? 0) + part;
    const sum = before === undefined ? "" : `, added to ${show(before)}: ${show(before + part)}`;
    return `${names[input]} gets ${printed(formula)} = ${show(part)}${sum}`;
  };
  const frames: Frame[] = [
    { gradients: [...gradients], active: undefined, text: `Forward pass: the value is ${show(nodes[last].value)}. Every operation was recorded with its inputs.` },
  ]; // biome-ignore format: a frame a line
  gradients[last] = 1;
  const text = "Backward pass: the gradient of the value with respect to itself is 1.";
  frames.push({ gradients: [...gradients], active: undefined, text });
  for (const { node, g, parts } of steps) {
    const { op, inputs } = nodes[node];
    const flows = inputs.flatMap((input, i) => {
      const part = parts[i];
      return part === null ? [] : [flow(input, part, VJPS[op as OpName][i])];
    });
    frames.push({
      gradients: [...gradients],
      active: node,
      text: `${names[node]}, where g = ${show(g)}: ${flows.join("; ")}.`,
    });
  }
  const end = frames[frames.length - 1];
  const check = leaves.map((leaf) => `∂/∂${leaf.name} = ${show(leaf.gradient)} (measured: ${show(leaf.measured)})`);
  const complete = isDefined(nodes[last].value, leaves)
    ? `All gradients are complete: ${check.join(", ")}.`
    : `The expression or its slope is not a finite number at these values, so the gradient is undefined here: what the vjps give (${check.join(", ")}) means nothing. Choose other values.`;
  frames[frames.length - 1] = { ...end, text: `${end.text} ${complete}` };
  return frames;
}

/** Where a node stands. */
export interface Place {
  /** Row 0 is the uppermost. */
  readonly row: number;
  readonly column: number;
}

/** Places for all nodes: a row for the longest way to the value, columns so that inputs stand side by side. */
export function layout(nodes: readonly GraphNode[]): Place[] {
  const ways = nodes.map(() => 0);
  for (let i = nodes.length - 1; i >= 0; i--)
    for (const input of nodes[i].inputs) ways[input] = Math.max(ways[input], ways[i] + 1);
  const columns: number[] = [];
  let free = 0;
  nodes.forEach(({ inputs }, i) => {
    columns[i] = inputs.length === 0 ? free++ : inputs.reduce((sum, input) => sum + columns[input], 0) / inputs.length;
  });
  const most = Math.max(...ways);
  for (let way = 0; way <= most; way++)
    spread(
      columns,
      [...nodes.keys()].filter((i) => ways[i] === way),
    );
  return nodes.map((_, i) => ({ row: most - ways[i], column: columns[i] }));
}

/** Moves the nodes of a row apart until none covers another: a name that is used twice pulls its users over each other. */
function spread(columns: number[], row: readonly number[]): void {
  const sorted = [...row].sort((i, j) => columns[i] - columns[j]);
  for (let k = 1; k < sorted.length; k++) columns[sorted[k]] = Math.max(columns[sorted[k]], columns[sorted[k - 1]] + 1);
}
