import { expect, it } from "vitest";
import { siglip } from "../support/cli.ts";

it("siglip info --json says which kernels run here, why, and how fast they are", { timeout: 30_000 }, async () => {
  const { code, stdout, stderr } = await siglip(["info", "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const info = JSON.parse(stdout);
  expect(info).toEqual({
    node: process.versions.node,
    cores: expect.any(Number),
    hugePages: expect.any(Boolean),
    kernels: {
      simd: true,
      fma: true,
      revectorized: expect.any(Boolean),
      why: expect.stringMatching(/^simd fma \d+×\d+/),
    },
    gflops: { gemm512: expect.any(Number) },
    warnings: [],
  });
  expect(info.gflops.gemm512).toBeGreaterThan(0);
});
