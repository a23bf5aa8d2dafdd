import { expect, it } from "vitest";
import { nextSteps } from "../../src/cli/nextSteps.ts";
import { resolveConfig } from "../../src/run/config.ts";

const stepsOf = (preset: string, ...settings: string[]): string[] =>
  nextSteps("runs/one", resolveConfig(preset, settings), ["a small red circle", "dog", "cat"]).map((line) =>
    line.replace(/: .*?(train|search) /, ": $1 "),
  );

it("a model of pairs is searched with a short text of its training", () => {
  expect(stepsOf("emoji")[0]).toBe("search with it: search runs/one dog");
});

it("a classifier lends its image tower to a text tower on the same data", () => {
  expect(stepsOf("emoji-classify")).toEqual(["train a text tower for it: train --lock image --init runs/one"]);
  const own = ["train.objective=classify", "loss.views=1", "data.path=/pictures"];
  expect(stepsOf("files", ...own)).toEqual([
    "train a text tower for it: train --data /pictures --lock image --init runs/one",
  ]);
  expect(stepsOf("shapes", "train.objective=classify")).toEqual([]);
});
