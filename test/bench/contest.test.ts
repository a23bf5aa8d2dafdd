import { expect, test } from "vitest";
import { contest } from "../../bench/contest.ts";

const spin = (ms: number) => () => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

test("a contest gives seconds a call, whether a round holds one call or many", () => {
  const [long, short] = contest([spin(3), spin(0.05)], { leastRounds: 5, leastMs: 20 });
  expect(long).toBeGreaterThanOrEqual(0.003);
  expect(short).toBeGreaterThanOrEqual(0.00005);
  expect(short).toBeLessThan(long);
});

test("entrants of a contest take turns", () => {
  const order: number[] = [];
  const entrant = (name: number) => () => {
    order.push(name);
    spin(1.5)();
  };
  contest([entrant(0), entrant(1)], { leastRounds: 4, leastMs: 0 });
  // one call of each to see how long it takes, then the rounds
  expect(order).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
});

test("a contest goes on while the result will not do, and not for ever", () => {
  const lucky = [9, 9, 9, 9, 1, 9]; // ms: the call that finds out how long it takes, then rounds
  let call = 0;
  const [seconds] = contest([() => spin(lucky[call++] ?? 9)()], {
    leastRounds: 1,
    leastMs: 0,
    enough: ([best]) => best < 0.005,
  });
  expect(call).toBe(5);
  expect(seconds).toBeLessThan(0.005);
  expect(contest([spin(2)], { leastRounds: 1, leastMs: 0, enough: () => false, mostMs: 10 })).toHaveLength(1);
});
