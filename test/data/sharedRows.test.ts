import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byteTokenizer,
  newSharedRows,
  openPairs,
  type Pairs,
  RowDrawer,
  rowsBetween,
  type SharedRows,
} from "../../src/data/index.ts";

const SEED = 3;
const pairs = await openPairs({ data: "shapes", tokenizer: byteTokenizer.toJSON(), length: 12, side: 8 });

/** The same pairs, and which rows were drawn, as "step/row". */
function counting(): { pairs: Pairs; drawn: string[] } {
  const drawn: string[] = [];
  const batch: Pairs["batch"] = (seed, step, size, into, first) => {
    drawn.push(`${step}/${first}`);
    return pairs.batch(seed, step, size, into, first);
  };
  return { pairs: { ...pairs, batch }, drawn };
}

const drawersOf = (shared: SharedRows, devices: number, rowsEach: number, from: Pairs = pairs): RowDrawer[] =>
  Array.from(
    { length: devices },
    (_, rank) => new RowDrawer(shared, from, { seed: SEED, first: rank * rowsEach, end: (rank + 1) * rowsEach }),
  );

const layout = (batch: number) => ({ batch, side: pairs.side, length: pairs.length });

describe("RowDrawer", () => {
  it("gives every device the rows of pairs.batch, whoever helped how much in which order", () => {
    const scenario = fc.record({
      devices: fc.integer({ min: 1, max: 4 }),
      rowsEach: fc.integer({ min: 1, max: 3 }),
      start: fc.integer({ min: 0, max: 50 }),
      // In every step: who helps, one row at a time, before all take the next.
      helps: fc.array(fc.array(fc.nat(), { maxLength: 40 }), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(scenario, ({ devices, rowsEach, start, helps }) => {
        const batch = devices * rowsEach;
        const drawers = drawersOf(newSharedRows(layout(batch)), devices, rowsEach);
        helps.forEach((helpers, i) => {
          const step = start + i;
          const wanted = pairs.batch(SEED, step, batch);
          drawers.forEach((drawer, rank) => {
            expect(drawer.take(step)).toEqual(rowsBetween(wanted, rank * rowsEach, (rank + 1) * rowsEach));
          });
          const held = drawers.map((drawer) => drawer.take(step).pixels.slice());
          for (const helper of helpers) drawers[helper % devices].help();
          held.forEach((pixels, rank) => {
            expect(drawers[rank].take(step).pixels).toEqual(pixels);
          });
        });
      }),
    );
  });

  it("draws each row of the next batches once, nearest first, however many help, and then has nothing to do", () => {
    const { pairs: counted, drawn } = counting();
    const shared = newSharedRows(layout(6));
    const ahead = shared.slots.length - 1;
    const drawers = drawersOf(shared, 3, 2, counted);
    for (const drawer of drawers) drawer.take(7);
    drawn.length = 0;
    for (let step = 8; step < 8 + ahead; step++) {
      for (let i = 0; i < 6; i++) expect(drawers[i % 2].help()).toBe(true);
      expect(drawn.splice(0).sort()).toEqual([0, 1, 2, 3, 4, 5].map((row) => `${step}/${row}`));
    }
    for (const drawer of drawers) expect(drawer.help()).toBe(false);
    for (const drawer of drawers) drawer.take(8);
    expect(drawers[2].help()).toBe(true);
    expect(drawn).toEqual([`${8 + ahead}/4`]);
  });

  it("holds several small batches, and no more than two large ones", () => {
    expect(newSharedRows(layout(8)).slots.length).toBe(8);
    expect(newSharedRows({ batch: 256, side: 128, length: 64 }).slots.length).toBe(2);
  });

  it("does not wait for rows that a device began before it died", () => {
    const shared = newSharedRows(layout(4));
    const batch: Pairs["batch"] = (seed, step, ...rest) => {
      if (step === 1) throw new Error("died");
      return pairs.batch(seed, step, ...rest);
    };
    const [owner] = drawersOf(shared, 2, 2);
    const [, dying] = drawersOf(shared, 2, 2, { ...pairs, batch });
    owner.take(0);
    dying.take(0);
    for (let row = 0; row < 4; row++) expect(() => dying.help()).toThrow("died"); // all rows of step 1 are begun
    expect(owner.help()).toBe(true);
    expect(owner.take(1)).toEqual(rowsBetween(pairs.batch(SEED, 1, 4), 0, 2));
  });
});
