import { expect, it } from "vitest";
import { kernelReport } from "../../src/tensor/index.ts";
import { STRICT_WEIGHTS, strictTraining } from "../support/strictTraining.ts";

it("training on strict kernels ends with the same weights on every engine", () => {
  expect(strictTraining()).toBe(STRICT_WEIGHTS);
  expect(kernelReport()).toMatchObject({ mode: "strict", simd: true, fma: false });
});
