/** The log of the backward pass, its film, and the place of every node. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FUNCTIONS, type OpName, parse } from "../../../page/autodiff/parse.ts";
import { computed, recordBackward } from "../../../page/autodiff/record.ts";
import {
  filmOf,
  layout,
  namesOfNodes,
  PRESETS,
  parametersOf,
  stateOf,
  VJPS,
  valuesOf,
} from "../../../page/autodiff/state.ts";

const SIGNS: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*", div: "/" };
const numbers = fc.double({ min: 0.1, max: 3, noNaN: true });

const recordOf = (text: string) => recordBackward(text, stateOf(new URLSearchParams({ expression: text })).values);

describe("the vjps that the page shows", () => {
  it.each(Object.keys(VJPS) as OpName[])("of %s are those that the operation returns", (op) => {
    const sign = SIGNS[op];
    const text = sign ? `a ${sign} b` : op === "neg" ? "-a" : `${op}(a)`;
    expect(sign || op === "neg" || FUNCTIONS.some((name) => name === op)).toBeTruthy();
    fc.assert(
      fc.property(numbers, numbers, numbers, (a, b, g) => {
        // exp(c)·op has the gradient g = exp(c) at op.
        const { nodes, steps } = recordBackward(`exp(c) * (${text})`, { a, b, c: Math.log(g) });
        const step = steps.find(({ node }) => nodes[node].op === op && (op !== "mul" || node !== nodes.length - 1));
        const used =
          op === "exp" ? steps.find(({ node }) => nodes[node].inputs.some((i) => nodes[i].leaf === "a")) : step;
        const y = nodes[used?.node ?? 0].value;
        VJPS[op].forEach((formula, i) => {
          expect(computed(parse(formula), { u: a, v: b, out: y, g: used?.g ?? 0 })).toBeCloseTo(
            used?.parts[i] ?? Number.NaN,
            9,
          );
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe.each(PRESETS.map(({ text }) => text))("the film of %s", (text) => {
  const recorded = recordOf(text);
  const film = filmOf(recorded);

  it("ends with the gradients that backward leaves in the names, which are the measured slopes", () => {
    const gradients = film[film.length - 1].gradients;
    for (const { name, gradient, measured } of recorded.leaves) {
      expect(gradients[recorded.nodes.findIndex(({ leaf }) => leaf === name)]).toBeCloseTo(gradient, 10);
      expect(gradient).toBeCloseTo(measured, 6);
    }
  });
  it("has a frame for each operation, the last recorded first", () => {
    const order = film.flatMap(({ active }) => active ?? []);
    expect(order).toEqual([...order].sort((a, b) => b - a));
    expect(order.length).toBe(recorded.nodes.filter(({ op }) => op).length);
  });
  it("is the same for the address that its state writes", () => {
    const state = { ...stateOf(new URLSearchParams({ expression: text })), frame: 3 };
    const address = new URLSearchParams(
      Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]),
    );
    expect(stateOf(address)).toEqual(state);
  });
});

it("a name that is used twice collects the sum of its gradients", () => {
  const [{ gradient }] = recordOf("x * x + x * y").leaves;
  expect(gradient).toBeCloseTo(2 * 0.5 + 3, 12);
});

it("a gradient where the expression has no value is called undefined, and others are not", () => {
  expect(filmOf(recordOf("log(0 - x)")).at(-1)?.text).toContain("undefined here");
  expect(filmOf(recordOf("1 / (x - x)")).at(-1)?.text).toContain("undefined here");
  expect(filmOf(recordOf("log(x)")).at(-1)?.text).not.toContain("undefined");
});

it("operations that occur more than once are numbered, so that a sentence says which is meant", () => {
  const { nodes } = recordOf("x * x + exp(x) * y");
  expect(namesOfNodes(nodes)).toEqual(["x", "mul₁", "exp", "y", "mul₂", "add"]);
  expect(filmOf(recordOf("x * x + exp(x) * y"))[3].text).toMatch(/^mul₂, where g = 1: exp gets/);
});

it("an expression that is one name has gradient 1", () => {
  expect(recordOf("x").leaves).toMatchObject([{ name: "x", gradient: 1 }]);
});

it("an expression without names is refused, and so is one that cannot be read", () => {
  expect(() => recordBackward("1 + 2", {})).toThrow("nothing has a gradient");
  expect(valuesOf(stateOf(new URLSearchParams({ expression: "1 +" })))).toEqual({});
});

it("inputs stand above what reads them, and no node covers another", () => {
  for (const text of [...PRESETS.map((preset) => preset.text), "x * x * x + exp(x) / (x + x * y)"]) {
    const { nodes } = recordOf(text);
    const places = layout(nodes);
    nodes.forEach(({ inputs }, i) => {
      for (const input of inputs) expect(places[input].row).toBeLessThan(places[i].row);
      places.forEach((other, j) => {
        if (j !== i && other.row === places[i].row)
          expect(Math.abs(other.column - places[i].column)).toBeGreaterThanOrEqual(1);
      });
    });
  }
});
