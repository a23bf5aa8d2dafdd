import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Expression, ExpressionError, FUNCTIONS, namesOf, parse } from "../../../page/autodiff/parse.ts";
import { computed } from "../../../page/autodiff/record.ts";

const VALUES = { x: 0.75, y: -1.5 };

/** An expression as text, with its value by JavaScript's own arithmetic. */
const sums: fc.Arbitrary<{ text: string; value: number }> = fc.letrec<{ sum: { text: string; value: number } }>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom({ text: "x", value: VALUES.x }, { text: "y", value: VALUES.y }, { text: " 2.5", value: 2.5 }),
    fc.tuple(tie("sum"), fc.constantFrom("+", "-", "*"), tie("sum")).map(([a, sign, b]) => ({
      text: `(${a.text}) ${sign}(${b.text})`,
      value: sign === "+" ? a.value + b.value : sign === "-" ? a.value - b.value : a.value * b.value,
    })),
    tie("sum").map((a) => ({ text: `-(${a.text})`, value: -a.value })),
  ),
})).sum; // biome-ignore format: a kind a part

describe("an expression", () => {
  it("has the value of its arithmetic", () => {
    fc.assert(
      fc.property(
        sums.filter(({ text }) => text.length < 120 && (text.match(/[^\s\w.]|[\w.]+/g) ?? []).length <= 60),
        ({ text, value }) => {
          expect(computed(parse(text), VALUES)).toBeCloseTo(value, 9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ["1 - 2 - 3", -4],
    ["8 / 2 / 2", 2],
    ["1 + 2 * 3", 7],
    ["-2 * -3", 6],
    ["2 − 3·2", -4],
    ["exp(0) + square(3)", 10],
    ["1e-1 + .5", 0.6],
  ])("%s is %d", (text, value) => {
    expect(computed(parse(text), {})).toBeCloseTo(value, 12);
  });

  it("takes an apostrophe for a prime", () => {
    expect(namesOf(parse("exp(t') * s + t′"))).toEqual(["t′", "s"]);
  });

  it.each([
    ["", "expected a number, a name or “(” at character 1, found the end"],
    ["1 +", "at character 4, found the end"],
    ["x(2)", "expected an operation at character 2, found “(”"],
    ["exp 2", "expected “(” at character 5, found “2”"],
    ["(x", "expected “)” at character 3"],
    ["x ^ 2", "“^” at character 3 is no part of an expression"],
    ["x + ".repeat(40), "parts; use at most 60"],
    ["x".repeat(201), "201 characters; use at most 200"],
    ["constructor(x)", "expected an operation"],
  ])("%j is refused: %s", (text, message) => {
    expect(() => parse(text)).toThrow(ExpressionError);
    expect(() => parse(text)).toThrow(message);
  });

  it("is read or refused, whatever is typed, and never anything else", () => {
    const typed = fc.string({ unit: fc.constantFrom(..."xyt′ 0123.e+-*/()$[]{};=", ...FUNCTIONS), maxLength: 30 });
    fc.assert(
      fc.property(typed, (text) => {
        let read: Expression | undefined;
        try {
          read = parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
        if (read) expect(namesOf(read).every((name) => text.includes(name))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
