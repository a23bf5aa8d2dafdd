import { afterEach, describe, expect, test, vi } from "vitest";
import { Heap, heap } from "../../../src/tensor/heap.ts";
import type { GemmArgs } from "../../../src/tensor/kernels/gemm/interface.ts";
import type { Kernels } from "../../../src/tensor/kernels/kernels.ts";
import { plainKernels } from "../../../src/tensor/kernels/plain.ts";
import { simdKernels } from "../../../src/tensor/kernels/simd.ts";
import {
  adoptKernels,
  chooseKernels,
  firstSound,
  KERNEL_MODES,
  kernelReport,
  kernelsFor,
  useKernels,
} from "../../../src/tensor/select/select.ts";
import { selfTest } from "../../../src/tensor/select/selfTest.ts";
import { engineSupports, tileRates } from "../../../src/tensor/select/tileSpeed.ts";

const own = new Heap();
const oracle = plainKernels(own, "f32");

/** The oracle, with the last number of every product off by a little. */
const wrongGemm: Kernels = {
  ...oracle,
  gemm(args: GemmArgs) {
    oracle.gemm(args);
    own.f32[args.c / 4 + args.m * args.n - 1] += 0.01;
  },
};

describe("the self-test", () => {
  test("accepts the kernels of this engine, with and without fused multiply-add", () => {
    for (const fma of [false, true]) {
      if (!engineSupports({ fma })) continue;
      expect(selfTest(own, simdKernels(own, { fma, tile: { rows: 6, columns: 16 } }), oracle)).toEqual([]);
    }
  });

  test("names a kernel that computes something different", () => {
    expect(selfTest(own, wrongGemm, oracle)).toEqual(["gemm"]);
    const unary = { ...oracle.unary, exp: oracle.unary.neg, gelu: oracle.unary.abs };
    expect(selfTest(own, { ...oracle, unary, softmax: oracle.softmax }, oracle)).toEqual(["exp", "gelu"]);
    expect(selfTest(own, { ...oracle, layerNormGrad: () => undefined }, oracle)).toEqual(["layerNormGrad"]);
  });

  test("tests every path of attention: few keys, exactly sixteen, other heads", () => {
    for (const way of [
      { keys: 11, headDim: 12 },
      { keys: 11, headDim: 16 },
      { keys: 16, headDim: 16 },
    ]) {
      const attention: Kernels["attention"] = (args) => {
        oracle.attention(args);
        if (args.keys === way.keys && args.headDim === way.headDim) own.f32[args.out.at / 4] += 0.01;
      };
      expect(selfTest(own, { ...oracle, attention }, oracle)).toContain("attention");
    }
  });

  test("notices every kernel of the interface that does nothing", () => {
    const nothing = () => ({ loss: 0, sum: 0 });
    for (const [name, kernel] of Object.entries(oracle)) {
      if (typeof kernel === "function") {
        expect(selfTest(own, { ...oracle, [name]: nothing }, oracle), name).toContain(name);
      } else if (typeof kernel === "object") {
        for (const op of Object.keys(kernel)) {
          const wrong = selfTest(own, { ...oracle, [name]: { ...kernel, [op]: nothing } }, oracle);
          expect(wrong.length, `${name}.${op}`).toBeGreaterThan(0);
          expect(wrong[0], `${name}.${op}`).toContain(op);
        }
      }
    }
  });

  test("frees its memory", () => {
    const before = own.liveBlocks;
    selfTest(own, oracle, oracle);
    expect(own.liveBlocks).toBe(before);
  });
});

describe("the choice", () => {
  const sets: Record<string, Kernels> = { wrong: wrongGemm, sound: { ...oracle, name: "sound" } };
  const from = (...names: string[]) =>
    firstSound(own, names.map((name) => ({ name })), ({ name }) => sets[name]); // biome-ignore format: a line

  test("falls back to the next set with a warning when the first one computes wrongly", () => {
    const { winner, kernels, warnings } = from("wrong", "sound");
    expect(winner?.name).toBe("sound");
    expect(kernels.name).toBe("sound");
    expect(warnings).toEqual(["kernels: wrong gives wrong results for gemm on this engine and is not used"]);
  });

  test("falls back to the plain loops when no set passes", () => {
    const { winner, kernels, warnings } = from("wrong", "wrong");
    expect(winner).toBeUndefined();
    expect(kernels.name).toBe("reference");
    expect(warnings).toHaveLength(2);
  });

  test("passes on this engine and states its reason", () => {
    const report = kernelReport();
    expect(report.warnings).toEqual([]);
    expect(report.simd).toBe(true);
    expect(report.fma).toBe(engineSupports({ fma: true }));
    expect(report.why).toContain(`${report.tile?.rows}×${report.tile?.columns}`);
    expect(kernelReport()).toBe(report);
  });

  test("is the fastest tile of the probe, which frees its memory", () => {
    const before = own.liveBlocks;
    const rates = tileRates(own, { fma: false }, [{ rows: 4, columns: 8 }, { rows: 1, columns: 4 }]); // biome-ignore format: two tiles
    expect(rates[0]).toBeGreaterThan(rates[1]); // 1×4 loads two vectors for each product
    expect(own.liveBlocks).toBe(before);
  });
});

describe("chooseKernels", () => {
  const strict = () => {
    chooseKernels("strict");
    return kernelsFor("f32");
  };

  test("strict takes SIMD without fused multiply-add, reference the plain loops", () => {
    expect(strict().name).toBe("simd");
    expect(kernelReport()).toMatchObject({ mode: "strict", simd: true, fma: false, warnings: [] });
    chooseKernels("reference");
    expect(kernelsFor("f32").name).toBe("reference");
    expect(kernelReport()).toMatchObject({ mode: "reference", simd: false, fma: false, warnings: [] });
  });

  test("strict calls no function of Math whose rounding depends on the engine", () => {
    const kernels = simdKernels(own, { fma: false, tile: { rows: 4, columns: 16 } });
    // log2 decides the size of a block, not the bits of a result.
    const rounding = ["exp", "expm1", "log", "log1p", "pow", "tanh", "sinh", "cosh", "sin", "cos", "tan", "hypot", "cbrt"] as const; // biome-ignore format: one list
    const spies = rounding.map((name) =>
      vi.spyOn(Math, name).mockImplementation(() => {
        throw new Error(`Math.${name} was called`);
      }),
    );
    try {
      expect(() => selfTest(own, oracle, kernels)).toThrow("Math.exp was called");
      expect(selfTest(own, kernels, kernels)).toEqual([]);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  test("keeps its kernels when the same mode is chosen again", () => {
    expect(strict()).toBe(strict());
  });

  test("is reproduced by adoptKernels from its report, also from a copy sent to another thread", () => {
    const seen = KERNEL_MODES.map((mode) => {
      chooseKernels(mode);
      return { report: structuredClone(kernelReport()), name: kernelsFor("f32").name };
    });
    for (const { report, name } of seen) {
      adoptKernels(report);
      expect(kernelsFor("f32").name).toBe(name);
      expect(kernelReport()).toBe(report);
    }
  });
});

describe("kernelsFor", () => {
  const usual = kernelsFor("f32");
  afterEach(() => useKernels(usual));

  test("gives SIMD for f32 and plain loops for f64", () => {
    expect(usual.name).toMatch(/^simd/);
    expect(kernelsFor("f64").name).toBe("reference");
  });

  test("gives the kernels passed to useKernels", () => {
    const mine = { ...plainKernels(heap, "f32"), name: "mine" };
    useKernels(mine);
    expect(kernelsFor("f32")).toBe(mine);
    useKernels(undefined);
    expect(kernelsFor("f32").name).toBe("reference");
    expect(kernelsFor("f64").name).toBe("reference");
  });
});
