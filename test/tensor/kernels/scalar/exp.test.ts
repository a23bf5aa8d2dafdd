import { describe, expect, test } from "vitest";
import { exp, expFlush } from "../../../../src/tensor/kernels/scalar/exp.ts";
import { func } from "../../../../src/tensor/wasm/assembler.ts";
import { f32x4, i32, store } from "../../../../src/tensor/wasm/instructions.ts";
import { instantiate } from "../../../../src/tensor/wasm/module.ts";
import { heap, run, sameBits, VARIANTS } from "../arena.ts";

// exp and log are tested as kernels, in elementwise.test.ts.
describe.each(VARIANTS)("expFlush, %o,", (variant) => {
  const kernels = instantiate(heap.memory, variant, {
    full: func([i32, i32], (x, out) => store(out, exp(f32x4.load(x)))),
    flush: func([i32, i32], (x, out) => store(out, expFlush(f32x4.load(x)))),
  });
  const apply = (name: keyof typeof kernels, x: readonly number[]) =>
    run([x], [4], ([px], [out]) => kernels[name](px, out))[0];

  test("equals exp down to −87.3, the end of the normal numbers", () => {
    for (let i = 0; i <= 4000; i += 4) {
      const x = [i, i + 1, i + 2, i + 3].map((k) => (k / 4003) * -87.3);
      expect(sameBits(apply("flush", x), apply("full", x))).toBe(true);
    }
  });

  test("is 0 from −87.69 to −∞, and NaN stays NaN", () => {
    expect([...apply("flush", [-87.69, -1e4, Number.NEGATIVE_INFINITY, Number.NaN])]).toEqual([0, 0, 0, Number.NaN]);
  });
});
