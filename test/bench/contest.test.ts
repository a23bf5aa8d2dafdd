import { expect, test } from "vitest";
import { contest } from "../../bench/contest.ts";

/** Times are those of a shared machine: other load may lengthen any call, so a test of them may try again. */
const TIMED = { retry: 5 };

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
  // two calls of each to see how long it takes, then the rounds
  expect(order).toEqual([0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
});

test(
  "a slow first call, which compiles the program, counts neither as a time nor as one that fills a round",
  TIMED,
  () => {
    let calls = 0;
    const [seconds] = contest([() => spin(calls++ === 0 ? 20 : 0.05)()], { leastRounds: 5, leastMs: 0 });
    expect(calls).toBeGreaterThan(50); // rounds of one call would be far fewer
    expect(seconds).toBeLessThan(0.001);
  },
);

test(
  "a short entrant does not pay for what the one before it left, however few of its calls fill a round",
  TIMED,
  () => {
    let other = false; // whether the other entrant has had its turn since
    const pays = (ms: number) => () => {
      spin(other ? 5 * ms : ms)();
      other = false;
    };
    const evicts = () => {
      spin(2)();
      other = true;
    };
    const [seconds] = contest([pays(0.6), evicts], { leastRounds: 8, leastMs: 0 }); // two calls a round
    expect(seconds).toBeLessThan(0.0012);
  },
);

test("a contest goes on while the result will not do, and not for ever", TIMED, () => {
  const lucky = [9, 9, 9, 9, 1, 9]; // ms: the two calls that find out how long it takes, then rounds
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
