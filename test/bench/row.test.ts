import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { atLeast, atMost, type Measured } from "../../bench/row.ts";

const row = (ratio: Record<string, number>, figures: Record<string, number> = {}): Measured => ({
  bench: "gemm",
  case: "NN 8x8x8",
  ratio,
  ...figures,
});
const anchor = fc.constantFrom("openblas", "jax-js", "pytorch");
const positive = fc.double({ min: 0.01, max: 100, noNaN: true });

describe("a bar on ratios", () => {
  test("holds if and only if every anchor that was run reaches its least", () => {
    fc.assert(
      fc.property(fc.dictionary(anchor, positive), fc.dictionary(anchor, positive), (ratio, least) => {
        const judged = atLeast(row(ratio), least);
        const short = Object.keys(least).some((name) => name in ratio && ratio[name] < least[name]);
        const nobody = !Object.keys(least).some((name) => name in ratio);
        expect(judged.ok).toBe(nobody ? undefined : !short);
        expect("ok" in judged).toBe(!nobody);
      }),
    );
  });

  test("holds when it is just reached", () => {
    expect(atLeast(row({ openblas: 0.95 }), { openblas: 0.95 }).ok).toBe(true);
    expect(atLeast(row({ openblas: 0.949 }), { openblas: 0.95 }).ok).toBe(false);
  });

  test("is not reached by a rate that is not a number", () => {
    expect(atLeast(row({ openblas: Number.NaN }), { openblas: 0.95 }).ok).toBe(false);
  });

  test("stands in the JSON beside what was measured", () => {
    expect(JSON.parse(JSON.stringify(atLeast(row({ openblas: 1.02 }, { gflops: 107 }), { openblas: 0.95 })))).toEqual({
      bench: "gemm",
      case: "NN 8x8x8",
      gflops: 107,
      ratio: { openblas: 1.02 },
      bar: { openblas: 0.95 },
      ok: true,
    });
  });

  test("has no verdict where its anchor is not installed", () => {
    const json = JSON.parse(JSON.stringify(atLeast(row({}), { openblas: 0.95 })));
    expect(json).toEqual({ bench: "gemm", case: "NN 8x8x8", ratio: {}, bar: { openblas: 0.95 } });
  });
});

describe("a bar on figures", () => {
  test("holds if and only if no figure is above its limit", () => {
    fc.assert(
      fc.property(positive, positive, positive, positive, (ns, bytes, mostNs, mostBytes) => {
        const { ok } = atMost(row({}, { ns, bytes }), { ns: mostNs, bytes: mostBytes });
        expect(ok).toBe(ns <= mostNs && bytes <= mostBytes);
      }),
    );
  });

  test("says in words what is asked", () => {
    expect(atMost(row({}, { ns: 1, newBytes: 0 }), { ns: 0.78, newBytes: 0 })).toMatchObject({
      bar: "ns <= 0.78, newBytes <= 0",
      ok: false,
    });
  });

  test("is not reached by a figure that is not there", () => {
    expect(atMost(row({}), { ns: 1 }).ok).toBe(false);
  });
});
