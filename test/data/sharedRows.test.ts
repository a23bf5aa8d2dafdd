import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { newSharedRows, openPairs, type Pairs, RowDrawer, rowsBetween, type SharedRows } from "../../src/data/index.ts";
import { heap } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";

const SEED = 3;
const SPEC = { data: "shapes", tokenizer: byteTokenizer.toJSON(), length: 12, side: 8 } as const;
const pairs = await openPairs(SPEC);
const twoViews = await openPairs({ ...SPEC, views: 2 });

/** The same pairs with a record of the rows drawn, as "step/row". */
function counting(): { pairs: Pairs; drawn: string[] } {
  const drawn: string[] = [];
  const batch: Pairs["batch"] = (seed, step, size, into, first) => {
    drawn.push(`${step}/${first}`);
    return pairs.batch(seed, step, size, into, first);
  };
  return { pairs: { ...pairs, batch }, drawn };
}

const STEPS = 100;
const drawersOf = (shared: SharedRows, devices: number, rowsEach: number, from: Pairs = pairs): RowDrawer[] =>
  Array.from({ length: devices }, (_, rank) => {
    const [first, end] = [rank * rowsEach, (rank + 1) * rowsEach];
    return new RowDrawer(shared, from, { seed: SEED, first, end, steps: STEPS });
  });

const sharedRows = (batch: number, from: Pairs = pairs): SharedRows => newSharedRows(batch, from);

afterEach(() => {
  heap.onWork = undefined;
});

describe("RowDrawer", () => {
  it("gives every device the rows of pairs.batch, whichever devices helped, and when", () => {
    const scenario = fc.record({
      devices: fc.integer({ min: 1, max: 4 }),
      rowsEach: fc.integer({ min: 1, max: 3 }),
      start: fc.integer({ min: 0, max: 50 }),
      from: fc.constantFrom(pairs, twoViews),
      // In every step: the ranks that help, one row each, after the first rank has taken its rows, after the second, ...
      helps: fc.array(fc.array(fc.array(fc.nat(), { maxLength: 15 }), { minLength: 4, maxLength: 4 }), {
        minLength: 1,
        maxLength: 5,
      }),
    });
    fc.assert(
      fc.property(scenario, ({ devices, rowsEach, start, from, helps }) => {
        const batch = devices * rowsEach;
        const drawers = drawersOf(sharedRows(batch, from), devices, rowsEach, from);
        helps.forEach((helpers, i) => {
          const step = start + i;
          const wanted = from.batch(SEED, step, batch);
          const taken = drawers.map((drawer, rank) => {
            const rows = drawer.take(step);
            for (const helper of helpers[rank]) drawers[helper % devices].help();
            return rows;
          });
          taken.forEach((rows, rank) => {
            expect(rows).toEqual(rowsBetween(wanted, rank * rowsEach, (rank + 1) * rowsEach));
          });
        });
      }),
    );
  });

  it("shows only finished rows, also to an owner that takes them while another device draws them", () => {
    const shared = sharedRows(4);
    let owner: RowDrawer | undefined;
    const seen: Float32Array[] = [];
    const batch: Pairs["batch"] = (seed, step, size, into, first) => {
      const taken = step === 1 && first === 0 ? owner?.take(1) : undefined;
      into?.images.fill(7); // as a drawing looks before it is finished
      if (taken) seen.push(taken.images.slice());
      return pairs.batch(seed, step, size, into, first);
    };
    [owner] = drawersOf(shared, 2, 2);
    const [, helper] = drawersOf(shared, 2, 2, { ...pairs, batch });
    owner.take(0);
    helper.take(0);
    const wanted = rowsBetween(pairs.batch(SEED, 1, 4), 0, 2);
    for (let row = 0; row < 4; row++) helper.help();
    expect(seen).toEqual([wanted.images]);
    expect(owner.take(1)).toEqual(wanted);
  });

  it("does not begin a row that its owner is drawing", () => {
    const shared = sharedRows(4);
    const { pairs: counted, drawn } = counting();
    const [, helper] = drawersOf(shared, 2, 2, counted);
    const batch: Pairs["batch"] = (seed, step, size, into, first) => {
      if (step === 1 && first === 0) for (let row = 0; row < 4; row++) helper.help();
      return pairs.batch(seed, step, size, into, first);
    };
    const [owner] = drawersOf(shared, 2, 2, { ...pairs, batch });
    helper.take(0);
    owner.take(0);
    drawn.length = 0;
    owner.take(1);
    expect(drawn.filter((row) => row.startsWith("1/")).sort()).toEqual(["1/1", "1/2", "1/3"]);
  });

  it("draws nothing after the last step", () => {
    const [drawer] = drawersOf(sharedRows(2), 1, 2);
    drawer.take(STEPS - 2);
    expect([drawer.help(), drawer.help(), drawer.help()]).toEqual([true, true, false]);
    drawer.take(STEPS - 1);
    expect(drawer.help()).toBe(false);
  });

  it("draws each row of the next batches once, nearest first, for any number of helpers, and then stops", () => {
    const { pairs: counted, drawn } = counting();
    const shared = sharedRows(6);
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

  it("sends a heartbeat for every row, however its data set draws it", () => {
    const silent: Pairs = { ...pairs, batch: (_seed, _step, _size, into) => into! };
    const [drawer] = drawersOf(sharedRows(5), 1, 5, silent);
    let signs = 0;
    heap.onWork = () => {
      signs++;
    };
    drawer.take(0);
    expect(signs).toBe(5);
  });

  it("holds several small batches, and no more than two large ones", () => {
    expect(sharedRows(8).slots.length).toBe(8);
    expect(newSharedRows(256, { imageShape: [128, 128, 3], views: 1, length: 64 }).slots.length).toBe(2);
  });

  it("does not wait for rows that a device began before it died", () => {
    const shared = sharedRows(4);
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
