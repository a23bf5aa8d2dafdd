import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { bugs, changed } from "./bugs.ts";

it("every seeded bug has its place in the source, and changes it", () => {
  for (const { places } of bugs) {
    for (const change of places.flat()) {
      const source = readFileSync(new URL(`../../src/${change.file}`, import.meta.url), "utf8");
      expect(changed(source, change)).not.toBe(source);
    }
  }
});

it("every seeded bug has a name of its own", () =>
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length));
