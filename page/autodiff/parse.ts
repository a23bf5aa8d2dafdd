/**
 * The expressions of the scene: numbers, names, + − * /, parentheses and functions of one argument.
 *
 *     sum      = product (("+" | "-") product)*
 *     product  = unary (("*" | "/") unary)*
 *     unary    = "-" unary | number | name | function "(" sum ")" | "(" sum ")"
 */

/** Functions of one argument; each is an operation of `autograd`. */
export const FUNCTIONS = ["exp", "log", "sqrt", "square", "tanh", "sigmoid", "logSigmoid", "softplus"] as const;
const BINARY = { "+": "add", "-": "sub", "*": "mul", "/": "div" } as const;

/** An operation that an expression can have. */
export type OpName = (typeof FUNCTIONS)[number] | (typeof BINARY)[keyof typeof BINARY] | "neg";

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Expression[] };

/** An expression that cannot be read; the message says where and why. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

const MOST_LETTERS = 200;
/** Each token is at most one operation, so the graph stays small enough to draw. */
const MOST_TOKENS = 60;
const TOKEN = /\s*(?:(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)|([A-Za-z]\w*′?)|([-+*/()]))/y;

interface Token {
  readonly text: string;
  readonly kind: "number" | "name" | "sign" | "end";
  /** Its first character, counted from 1. */
  readonly at: number;
}

function tokensOf(text: string): Token[] {
  // Keyboards and copies write the same signs in other ways.
  const plain = text.replace(/[’']/g, "′").replace(/[−–]/g, "-").replace(/[·×]/g, "*");
  if (plain.length > MOST_LETTERS)
    throw new ExpressionError(`the expression has ${plain.length} characters; use at most ${MOST_LETTERS}`);
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  for (let from = 0; plain.slice(from).trim() !== ""; from = pattern.lastIndex) {
    const match = pattern.exec(plain);
    if (!match) {
      const sign = plain.slice(from).trim()[0];
      throw new ExpressionError(`“${sign}” at character ${plain.indexOf(sign, from) + 1} is no part of an expression; use numbers, names, + - * / and parentheses`); // biome-ignore format: a line
    }
    const kind = match[1] !== undefined ? "number" : match[2] !== undefined ? "name" : "sign";
    const token = match[0].trim();
    tokens.push({ text: token, kind, at: pattern.lastIndex - token.length + 1 });
  }
  if (tokens.length > MOST_TOKENS)
    throw new ExpressionError(`the expression has ${tokens.length} parts; use at most ${MOST_TOKENS}`);
  return [...tokens, { text: "", kind: "end", at: plain.length + 1 }];
}

/** Reads an expression. Throws `ExpressionError`. */
export function parse(text: string): Expression {
  const tokens = tokensOf(text);
  let next = 0;
  const takes = (...signs: string[]): string | undefined => {
    const { kind, text: sign } = tokens[next];
    if (kind !== "sign" || !signs.includes(sign)) return undefined;
    next++;
    return sign;
  };
  const fail = (wanted: string): never => {
    const { kind, text: found, at } = tokens[next];
    const what = kind === "end" ? "the end" : `“${found}”`;
    throw new ExpressionError(`expected ${wanted} at character ${at}, found ${what}`);
  };
  const chain = (part: () => Expression, ...signs: (keyof typeof BINARY)[]): Expression => {
    let left = part();
    for (let sign = takes(...signs); sign; sign = takes(...signs))
      left = { kind: "op", op: BINARY[sign as keyof typeof BINARY], args: [left, part()] };
    return left;
  };
  const sum = (): Expression => chain(product, "+", "-");
  const product = (): Expression => chain(unary, "*", "/");
  const inParentheses = (): Expression => {
    if (!takes("(")) fail("“(”");
    const inner = sum();
    if (!takes(")")) fail("“)”");
    return inner;
  };
  const unary = (): Expression => {
    if (takes("-")) return { kind: "op", op: "neg", args: [unary()] };
    const { kind, text: word } = tokens[next];
    if (kind === "sign" && word === "(") return inParentheses();
    if (kind !== "number" && kind !== "name") return fail("a number, a name or “(”");
    next++;
    if (kind === "number") return { kind: "number", value: Number(word) };
    const name = FUNCTIONS.find((each) => each === word);
    return name ? { kind: "op", op: name, args: [inParentheses()] } : { kind: "name", name: word };
  };
  const whole = sum();
  if (tokens[next].kind !== "end") fail("an operation");
  return whole;
}

/** The names of an expression, in the order of their first use. */
export function namesOf(expression: Expression): string[] {
  const names = new Set<string>();
  const visit = (each: Expression): void => {
    if (each.kind === "name") names.add(each.name);
    if (each.kind === "op") each.args.forEach(visit);
  };
  visit(expression);
  return [...names];
}
