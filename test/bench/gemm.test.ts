import { describe, expect, test } from "vitest";
import { flopOf, ourProduct } from "../../bench/gemm.ts";
import { GEMM_CASES, nameOf, product } from "../../bench/gemmCases.ts";
import { heap, kernelsFor } from "../../src/tensor/index.ts";

describe("the matrix products of the bench", () => {
  test("have names that tell them apart", () => {
    const names = GEMM_CASES.map((each) => nameOf(each.product));
    expect(new Set(names).size).toBe(names.length);
  });

  test("are asked only for anchors that their measurement has", () => {
    for (const { bar, beside } of GEMM_CASES) {
      for (const anchor of Object.keys(bar)) expect(["tile", "openblas", beside?.anchor]).toContain(anchor);
    }
  });

  test("all three forms of a layer are the same work", () => {
    const flops = [product("NN", 32, 8, 4), product("NT", 32, 4, 8), product("TN", 4, 8, 32)].map(flopOf);
    expect(new Set(flops)).toEqual(new Set([2 * 32 * 8 * 4]));
  });

  test("give back their blocks", () => {
    kernelsFor("f32"); // which keep some of their own
    const before = heap.liveBytes;
    const { run, release } = ourProduct(product("TN", 5, 6, 7, 3));
    run();
    expect(heap.liveBytes).toBeGreaterThan(before);
    release();
    expect(heap.liveBytes).toBe(before);
  });
});
