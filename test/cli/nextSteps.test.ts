import { expect, it } from "vitest";
import { nextSteps } from "../../src/cli/nextSteps.ts";
import { resolveConfig } from "../../src/run/config.ts";

const stepsFor = (texts: readonly string[], preset: string, ...settings: string[]): string[] =>
  nextSteps("runs/one", resolveConfig(preset, settings), texts, undefined).map((line) =>
    line.replace(/: .*?(train|search) /, ": $1 "),
  );
const stepsOf = (preset: string, ...settings: string[]) => stepsFor([], preset, ...settings);

it("a model of pairs is searched with a word that its training texts have, or a short one of these", () => {
  expect(stepsFor(["grinning face", "hot dog"], "emoji")[0]).toBe("search with it: search runs/one dog");
  const circles = ["a small red circle", "a ring", "hotdogs"];
  expect(stepsFor(circles, "shapes")[0]).toBe("search with it: search runs/one 'a ring'");
});

it("the images of the user are searched where they lie", () => {
  const config = resolveConfig("files", ["data.path=/pictures"]);
  const [line] = nextSteps("runs/one", config, ["a dog"], "my pictures");
  expect(line).toMatch(/^search with it: .* search runs\/one dog 'my pictures'$/);
});

it("a classifier lends its image tower to a text tower on the same data", () => {
  expect(stepsOf("emoji-classify")).toEqual(["train a text tower for it: train --lock image --init runs/one"]);
  const own = ["train.objective=classify", "loss.views=1", "data.path=/pictures"];
  expect(stepsOf("files", ...own)).toEqual([
    "train a text tower for it: train --data /pictures --lock image --init runs/one",
  ]);
  expect(stepsOf("shapes", "train.objective=classify")).toEqual([]);
});
