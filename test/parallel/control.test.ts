import fc from "fast-check";
import { expect, it } from "vitest";
import { Control, WAITS_FOR } from "../../src/parallel/control.ts";
import { controlBlock } from "../../src/parallel/controlBlock.ts";

const SIZE = 5;
const world = (): Control => new Control(controlBlock(SIZE));
const waits = (control: Control, rank: number, forRank: number): void => {
  control.words[control.at(rank, WAITS_FOR)] = forRank + 1;
};

it("a rank that votes to stop keeps to its first vote", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 10 }), (steps) => {
      const control = world();
      for (const step of steps) control.vote(2, step);
      expect(control.stopsAfter(steps[0], SIZE)).toBe(true);
      expect(control.stopsAfter(steps[0] - 1, SIZE)).toBe(false);
    }),
  );
});

it("the life of a rank changes with that of the ranks it waits for, directly or indirectly, and of no other", () => {
  const control = world();
  waits(control, 0, 3);
  waits(control, 3, 1);
  const moves = (beating: number): boolean => {
    const before = control.lifeOf(0, SIZE);
    control.beat(beating);
    return control.lifeOf(0, SIZE) !== before;
  };
  expect([0, 1, 2, 3, 4].map(moves)).toEqual([true, true, false, true, false]);
});

it("the life of ranks that wait for each other in a circle is computed", () => {
  const control = world();
  for (let rank = 0; rank < SIZE; rank++) waits(control, rank, (rank + 1) % SIZE);
  const before = control.lifeOf(0, SIZE);
  expect(control.lifeOf(0, SIZE)).toBe(before);
  control.beat(4);
  expect(control.lifeOf(0, SIZE)).not.toBe(before);
});
