import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { drawPatches, keptCount, PatchEmbed } from "../../src/nn/index.ts";
import { generate, Rng, ShapeError, scope } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { seeds } from "../support/generators.ts";

const cases = fc.record({
  seed: seeds,
  first: fc.nat({ max: 1000 }),
  count: fc.integer({ min: 1, max: 6 }),
  patches: fc.integer({ min: 1, max: 40 }),
  dropout: fc.double({ min: 0, max: 0.99, noNaN: true }),
});

describe("drawPatches", () => {
  it("keeps exactly the share that is asked for of every row: different patches, in order", () => {
    fc.assert(
      fc.property(cases, ({ seed, first, count, patches, dropout }) => {
        const drawn = drawPatches(new Rng(seed), { first, count }, patches, dropout);
        const each = keptCount(patches, dropout);
        expect(Math.abs(each - patches * (1 - dropout))).toBeLessThanOrEqual(each === 1 ? 1 : 0.5);
        expect(drawn.length).toBe(count * each);
        for (let row = 0; row < count; row++) {
          const kept = Array.from(drawn.subarray(row * each, (row + 1) * each));
          expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
          expect(kept[0]).toBeGreaterThanOrEqual(0);
          expect(kept.at(-1)).toBeLessThan(patches);
        }
      }),
    );
  });

  it("gives a row the same patches however the batch is cut", () => {
    fc.assert(
      fc.property(cases, ({ seed, first, count, patches, dropout }) => {
        const rng = new Rng(seed);
        const whole = drawPatches(rng, { first, count }, patches, dropout);
        const rows = Array.from({ length: count }, (_, i) =>
          drawPatches(rng, { first: first + i, count: 1 }, patches, dropout),
        );
        expect(rows.flatMap((row) => Array.from(row))).toEqual(Array.from(whole));
      }),
    );
  });

  it("keeps every patch equally often", () => {
    const [rows, patches, dropout] = [4000, 9, 1 / 3];
    const counts = new Array(patches).fill(0);
    for (const patch of drawPatches(new Rng(3), { first: 0, count: rows }, patches, dropout)) counts[patch]++;
    const [expected, sigma] = [(rows * 2) / 3, Math.sqrt((rows * 2) / 9)];
    for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(5 * sigma);
  });
});

describe("PatchEmbed", () => {
  const images = generate([3, 6, 10, 3], (i) => Math.sin(i));
  const embed = new PatchEmbed(new Rng(1), 2, 3, 4, "f32"); // 3 × 5 patches
  const tokens = (kept?: Int32Array): Float32Array | Float64Array =>
    scope(() => noGrad(() => embed.forward(images, kept)).value.toArray());

  it("embeds the kept patches of every image as it embeds all, bit for bit", () => {
    const kept = drawPatches(new Rng(5), { first: 0, count: 3 }, 15, 0.6);
    const all = tokens();
    const expected = Array.from(kept).flatMap((patch, i) => {
      const row = Math.floor(i / 6) * 15 + patch;
      return Array.from(all.subarray(row * 4, (row + 1) * 4));
    });
    expectSameBits(tokens(kept), expected);
  });

  it("refuses patches that are not there, and unequal shares", () => {
    for (const wrong of [Int32Array.of(0, 15, 1), Int32Array.of(0, -1, 1), Int32Array.of(0, 1, 2, 3)]) {
      expect(() => tokens(wrong)).toThrow(ShapeError);
    }
    expect(() => tokens(Int32Array.of(0, 15, 1))).toThrow(
      "patch embedding: 3 kept patches for 3 images of 15; give each image the same number, from 0..14",
    );
  });
});
