/** What the page requests becomes orders to all devices. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, MOST_LETTERS } from "../../../page/train/order.ts";
import { Orders } from "../../../page/train/orders.ts";

const kinds = (orders: Orders, step: number, count: number, finished = false): (string | undefined)[] =>
  Array.from({ length: count }, () => orders.next({ step, finished })?.kind);

describe("an order", () => {
  it("is the same after a broadcast as numbers", () => {
    const order = fc.record(
      {
        kind: fc.constantFrom("step" as const, "evaluate" as const, "search" as const),
        rateOfT: fc.double({ noNaN: true }),
        b: fc.double({ noNaN: true }),
        words: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((words) => !words.includes("\0")),
      },
      { requiredKeys: ["kind", "rateOfT"] },
    );
    fc.assert(
      fc.property(order, (each) => {
        expect(decode(encode(each))).toEqual({ ...each });
        expect(encode(each).length).toBe(4 + MOST_LETTERS);
      }),
    );
  });

  it("carries the first letters of longer words", () => {
    const words = "x".repeat(2 * MOST_LETTERS);
    expect(decode(encode({ kind: "search", rateOfT: 1, words })).words).toBe("x".repeat(MOST_LETTERS));
  });
});

describe("orders", () => {
  it("evaluate the untrained model, then wait", () => {
    expect(kinds(new Orders(), 0, 2)).toEqual(["evaluate", undefined]);
  });

  it("step until the pause, with the first step's evaluation before it", () => {
    const orders = new Orders();
    orders.request({ kind: "run" });
    expect(kinds(orders, 0, 2)).toEqual(["evaluate", "step"]);
    expect(kinds(orders, 1, 1)).toEqual(["step"]);
    orders.request({ kind: "pause" });
    expect(kinds(orders, 2, 2)).toEqual(["evaluate", undefined]);
  });

  it("take as many single steps as were requested, and none after the last", () => {
    const orders = new Orders();
    orders.request({ kind: "step" });
    orders.request({ kind: "step" });
    expect(kinds(orders, 7, 2)).toEqual(["step", "step"]);
    expect(kinds(orders, 9, 2)).toEqual(["evaluate", undefined]);
    orders.request({ kind: "run" });
    expect(kinds(orders, 1200, 2, true)).toEqual(["evaluate", undefined]);
  });

  it("set the bias in one step, and the rate of t′ in all that follow", () => {
    const orders = new Orders();
    orders.request({ kind: "run" });
    orders.request({ kind: "b", value: 0 });
    orders.request({ kind: "rateOfT", value: 3 });
    expect(orders.next({ step: 1, finished: false })).toEqual({ kind: "step", rateOfT: 3, b: 0 });
    expect(orders.next({ step: 2, finished: false })).toEqual({ kind: "step", rateOfT: 3 });
  });

  it("search again after every evaluation, until the words are gone", () => {
    const orders = new Orders();
    orders.request({ kind: "search", words: "cat" });
    expect(kinds(orders, 50, 3)).toEqual(["evaluate", "search", undefined]);
    expect(kinds(orders, 100, 3)).toEqual(["evaluate", "search", undefined]);
    orders.request({ kind: "search", words: "" });
    expect(kinds(orders, 150, 2)).toEqual(["evaluate", undefined]);
  });

  it("notice a request that came before anyone waited for it", async () => {
    const orders = new Orders();
    orders.next({ step: 0, finished: false });
    orders.request({ kind: "run" });
    await orders.change();
    expect(orders.next({ step: 0, finished: false })?.kind).toBe("step");
  });
});
