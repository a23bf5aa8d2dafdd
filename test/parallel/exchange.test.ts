import { describe, expect, it } from "vitest";
import { type Action, allPartners, exchange, type Partners, ringPartners } from "../../src/parallel/exchange.ts";
import { events, explore } from "../support/explore.ts";

type Hop = "shift +1" | "shift −1" | "everybody";
const HOPS: readonly Hop[] = ["shift +1", "shift −1", "everybody"];
const HOPS_IN_A_ROW = 3;

const partners = (hop: Hop, rank: number, size: number): Partners =>
  hop === "everybody" ? allPartners(rank, size) : ringPartners(rank, size, hop === "shift +1" ? 1 : -1);

/** Every sequence of hops. */
const programs = (length: number): Hop[][] =>
  length === 0 ? [[]] : programs(length - 1).flatMap((start) => HOPS.map((hop) => [...start, hop]));

const world = (size: number, program: readonly Hop[], protocol: (of: Partners) => Iterable<Action> = exchange) =>
  Array.from({ length: size }, (_, rank) => events(program.map((hop) => protocol(partners(hop, rank, size)))));

/** The protocol without its last line: no rank waits until its message is read. */
function* withoutDone(of: Partners): Generator<Action> {
  for (const action of exchange(of)) if (action.do !== "awaitDone") yield action;
}

/** Reads without waiting for the sender. */
function* withoutPosted(of: Partners): Generator<Action> {
  for (const action of exchange(of)) if (action.do !== "awaitPosted") yield action;
}

/** Waits for its readers before it reads. */
function* doneFirst(of: Partners): Generator<Action> {
  const actions = [...exchange(of)];
  yield actions[0];
  yield* actions.filter((action) => action.do === "awaitDone");
  yield* actions.slice(1).filter((action) => action.do !== "awaitDone");
}

describe("exchange, in every interleaving of its actions", { timeout: 60_000 }, () => {
  it.each([1, 2, 3, 4])("on %i devices reads the message of its number and never deadlocks", (size) => {
    let states = 0;
    for (const program of programs(HOPS_IN_A_ROW)) {
      const result = explore(world(size, program));
      expect(result.failure, program.join(", ")).toBeUndefined();
      states += result.states;
    }
    expect(states).toBeGreaterThan(300 * (size - 1));
  });
});

describe("the explorer finds the fault of", () => {
  const shifts: Hop[] = ["shift +1", "shift +1", "shift +1"];

  it.each([2, 3, 4])("not waiting for readers, on %i devices", (size) => {
    expect(explore(world(size, shifts, withoutDone)).failure).toMatch(/reads message [234] of . as 1/);
  });

  it.each([2, 3, 4])("not waiting for the sender, on %i devices", (size) => {
    expect(explore(world(size, shifts, withoutPosted)).failure).toMatch(/reads message 0 of . as 1/);
  });

  it.each([2, 3, 4])("waiting for readers before reading, on %i devices", (size) => {
    expect(explore(world(size, shifts, doneFirst)).failure).toMatch(/^deadlock/);
  });

  it.each([
    [2, 2],
    [3, 3],
  ])("%i buffers in turn instead of waiting for readers: enough for %i devices, not for one more", (buffers, size) => {
    const hops = new Array<Hop>(buffers + 1).fill("shift +1");
    expect(explore(world(size, hops, withoutDone), buffers).failure).toBeUndefined();
    expect(explore(world(size + 1, hops, withoutDone), buffers).failure).toMatch(/reads message . of . as 1/);
  });
});
