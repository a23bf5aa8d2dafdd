import { describe, expect, it } from "vitest";
import { drawBlocks } from "../../src/cli/drawBlocks.ts";
import { Rng } from "../../src/tensor/index.ts";
import { unitRows } from "../support/generators.ts";
import { lockstepParts } from "../support/shares.ts";

/** The visits of a real loss of one pair a device: which block, and how many blocks had been handed on before. */
function visitsOf(ring: "one" | "both", size: number) {
  const rng = new Rng(1);
  const pairs = {
    n: size,
    d: 3,
    x: unitRows(rng.split("x"), size, 3),
    y: unitRows(rng.split("y"), size, 3),
    tPrime: 2,
    b: 0,
  };
  return lockstepParts({ form: ring, dtype: "f64", pairs, shards: size }, size).map(({ visits }) => visits);
}

describe.each(["one", "both"] as const)("the drawing of ring %s", (ring) => {
  it.each([1, 2, 3, 4, 5, 6, 8])("numbers the hops of %i devices as the loss made them", (size) => {
    const byDevice = visitsOf(ring, size);
    const lines = drawBlocks(
      byDevice.map((visits) => visits.map(({ image, text }) => [image, text] as const)),
      ring,
    ).split("\n");
    byDevice.forEach((visits, rank) => {
      const cells = [...lines[1 + rank].matchAll(/hop (\d+)/g)].map(([, hop]) => Number(hop));
      expect(cells.length).toBe(size);
      for (const { text, calls } of visits) {
        // A hop hands on texts and their gradients; both ways round it does so for two streams, one after the other.
        const hop = ring === "one" ? calls / 2 : Math.ceil(calls / 4);
        expect(cells[text], `device ${rank}, texts ${text}`).toBe(hop);
        expect(lines.find((line) => line.startsWith(`hop ${hop}:`))).toContain(`device ${rank} × texts ${text}`);
      }
    });
    expect(lines.filter((line) => /^hop \d/.test(line)).length).toBe(ring === "one" ? size : Math.floor(size / 2) + 1);
  });
});
