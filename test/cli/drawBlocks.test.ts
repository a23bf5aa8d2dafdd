import { describe, expect, it } from "vitest";
import { drawBlocks } from "../../src/cli/drawBlocks.ts";
import { Rng } from "../../src/tensor/index.ts";
import { unitRows } from "../support/generators.ts";
import { lockstepParts } from "../support/shares.ts";

/** The blocks of a real loss with one pair per device, and the number of collectives called before each. */
function visitsOf(form: "fused" | "chunked" | "softmax", size: number) {
  const rng = new Rng(1);
  const pairs = {
    n: size,
    d: 3,
    x: unitRows(rng.split("x"), size, 3),
    y: unitRows(rng.split("y"), size, 3),
    tPrime: 2,
    b: 0,
  };
  return lockstepParts({ form, dtype: "f64", pairs, shards: size }, size).map(({ visits }) => visits);
}

/** Tensors that a form passes on at a hop, after those that it passes on before it draws: a whole round of the softmax loss. */
const CALLS = {
  fused: { hop: 2, before: () => 0 },
  chunked: { hop: 1, before: () => 0 },
  softmax: { hop: 4, before: (size: number) => (size === 1 ? 0 : 3 * (size - 1) + 2) },
};

describe.each(["fused", "chunked", "softmax"] as const)("the drawing of the %s loss", (form) => {
  it.each([1, 2, 3, 4, 5, 6, 8])("numbers the hops of %i devices as the loss computed them", (size) => {
    const byDevice = visitsOf(form, size);
    const lines = drawBlocks(
      form,
      byDevice.map((visits) => visits.map(({ image, text }) => [image, text] as const)),
    ).split("\n");
    byDevice.forEach((visits, device) => {
      const cells = [...lines[1 + device].matchAll(/hop (\d+)/g)].map(([, hop]) => Number(hop));
      expect(cells.length).toBe(size);
      for (const { text, calls } of visits) {
        const hop = (calls - CALLS[form].before(size)) / CALLS[form].hop;
        expect(cells[text], `device ${device}, texts ${text}`).toBe(hop);
        const line = lines.find((each) => each.startsWith(`hop ${hop}:`));
        expect(line).toContain(
          hop === 0 ? `device ${device} × texts ${text}` : `texts ${text}: device ${(device + 1) % size} → ${device}`,
        );
      }
    });
    expect(lines.filter((line) => /^hop \d/.test(line)).length).toBe(size);
  });
});

it("a form without a ring says that it has none", () => {
  expect(drawBlocks("dense", [[]])).toBe("(no ring: --form dense does not compute block by block)");
  expect(drawBlocks("softmaxDense", [[], []])).toBe("(no ring: --form softmaxDense does not compute block by block)");
});
