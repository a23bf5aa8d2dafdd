/** Training on strict kernels ends with the weights whose hash is pinned. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { kernelReport } from "../../src/tensor/index.ts";
import { STRICT_WEIGHTS, strictTraining } from "../support/strictTraining.ts";

it.each(["sigmoid", "softmax"] as const)(
  "training on strict kernels ends with the same weights on every engine (%s)",
  (loss) => {
    expect(strictTraining({ lossName: loss })).toBe(STRICT_WEIGHTS[loss]);
    expect(kernelReport()).toMatchObject({ mode: "strict", simd: true, fma: false });
  },
);

it("training on fast kernels ends with the same weights whichever of the engine's two compilers made them", () => {
  // The engine moves a function from the first compiler to the second after some calls; the moment varies from run to run.
  const program = fileURLToPath(new URL("../support/strictTraining.ts", import.meta.url));
  const loader = process.features.typescript ? [] : ["--import", "tsx"];
  const trainedWith = (compiler: string): string =>
    execFileSync(process.execPath, [compiler, ...loader, program, "flags", "fast"], { encoding: "utf8" });
  const weights = trainedWith("--liftoff-only");
  expect(weights).toMatch(/^[0-9a-f]{64}\n$/);
  expect(trainedWith("--no-liftoff")).toBe(weights);
}, 60_000);
