/** Patterns of parameter names, tried before a run begins. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parametersOf } from "../../src/nn/index.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { buildModel, trainedPaths } from "../../src/run/model.ts";
import { nearestPath, tryPatterns } from "../../src/run/patterns.ts";
import { scope } from "../../src/tensor/index.ts";

const multiplier = (match: string) => ({ match, lr: 1, decay: 0 });
const paths = trainedPaths(resolveConfig("emoji-paper", []));

describe("trainedPaths", () => {
  it("names the trained parameters of any model", () => {
    const settings = fc.record({
      "model.image.depth": fc.constantFrom(1, 2),
      "model.image.width": fc.constantFrom(8, 16),
      "model.image.pooling": fc.constantFrom("map", "mean", "max", "first", "tok"),
      "model.image.repSize": fc.constantFrom(0, 8, 16),
      "model.text.bottleneck": fc.constantFrom(0, 5),
      "model.image.posEmb": fc.constantFrom("learn", "sincos2d"),
      "model.text.depth": fc.constantFrom(1, 3),
      "model.text.width": fc.constantFrom(8, 16),
      "model.text.pooling": fc.constantFrom("last", "first", "mean", "max", "map"),
      "model.embedDim": fc.constantFrom(8, 16),
      "train.loss": fc.constantFrom("sigmoid", "softmax"),
    });
    fc.assert(
      fc.property(settings, (chosen) => {
        const config = resolveConfig(
          "emoji",
          Object.entries(chosen).map(([key, value]) => `${key}=${value}`),
        );
        const built = scope(() => [...parametersOf(buildModel(config, 300)).keys()]);
        expect(trainedPaths(config)).toEqual(
          built.filter((path) => path !== "b" || chosen["train.loss"] === "sigmoid"),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("reads the names of the largest model without building it", () => {
    const largest = resolveConfig("emoji-paper", ["model.image.depth=64", "model.text.depth=64"]);
    const wide = { ...largest.model, image: { ...largest.model.image, width: 8192, mlpDim: 32_768 } };
    expect(trainedPaths({ ...largest, model: wide }).length).toBeGreaterThan(1500);
  });
});

describe("tryPatterns", () => {
  it.each(["tPrime|b", "image/.*", "image/[\\p{L}\\d/]+", ".*/kernel", "text/embedding", "(?:image|text)/.*"])(
    "finds nothing wrong with %s",
    (match) => {
      expect(tryPatterns("optim.multipliers", [multiplier(match)], paths)).toEqual({ unusable: [], idle: [] });
    },
  );

  it.each([
    ["imag/.*", /"imag\/\.\*" matches no parameter.*whole path, such as image\//],
    ["txt/embedding", /such as text\/embedding$/],
    ["image", /matches no parameter.*such as image\//],
    ["tPrime ", /such as tPrime$/],
    ["", /matches no parameter/],
  ])("says that %s matches nothing, with the nearest name", (match, says) => {
    const { unusable, idle } = tryPatterns("optim.multipliers", [multiplier(match)], paths);
    expect(unusable).toEqual([]);
    expect(idle.map(({ detail }) => detail)).toEqual([expect.stringMatching(says)]);
  });

  it("says that a pattern has no effect if earlier ones match all of its parameters", () => {
    const { idle } = tryPatterns(
      "optim.multipliers",
      [multiplier("image/.*"), multiplier("text/.*"), multiplier(".*/probe")],
      paths,
    );
    expect(idle).toHaveLength(1);
    expect(idle[0].detail).toMatch(/"\.\*\/probe" has no effect/);
    expect(tryPatterns("optim.multipliers", [multiplier(".*/probe"), multiplier("image/.*")], paths).idle).toEqual([]);
  });

  it.each(["(.*)*x", "(.+)+!", "(?=((.*)*y))z", "((a|[a-z/]|\\d)*)*#"])(
    "gives up %s, which backtracks without end",
    (match) => {
      const started = performance.now();
      const { unusable } = tryPatterns("optim.multipliers", [multiplier(match)], paths, 50);
      expect(unusable.map(({ detail }) => detail)).toEqual([expect.stringMatching(/takes more than 0\.05 s/)]);
      expect(performance.now() - started).toBeLessThan(20_000);
    },
  );

  it("ends on every pattern, and throws nothing", () => {
    const part = fc.constantFrom(
      "a",
      ".",
      "*",
      "+",
      "(",
      ")",
      "|",
      "[",
      "]",
      "{2}",
      "{9999}",
      "?",
      "\\",
      "/",
      "^",
      "$",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const { unusable, idle } = tryPatterns("optim.multipliers", [multiplier(parts.join(""))], paths, 20);
        expect(unusable.length + idle.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

it("nearestPath finds a name from which letters were removed", () => {
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.nat(), (path, where) => {
      const cut = where % path.length;
      const found = nearestPath(path.slice(0, cut) + path.slice(cut + 1), [path, "another/name"]);
      expect(found).toBe(path.length > 2 ? path : found);
    }),
  );
});
