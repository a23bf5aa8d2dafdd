import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kernelReport } from "../src/tensor/index.ts";

const major = Number(process.versions.node.split(".")[0]);

// The setup of the tests has imported the flags.
test("with the engine flags the kernels use fused multiply-add", () => {
  expect(kernelReport().fma).toBe(true);
});

test.runIf(major >= 24)("the engine knows every flag that it is given", () => {
  const { status, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.resolve("../src/engine.ts"))], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test.runIf(major >= 26)("a Node that does not run TypeScript is told so in one line", () => {
  const start = fileURLToPath(new URL("../src/cli/start.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["--no-strip-types", start, "info"], { encoding: "utf8" });
  expect(stderr).toMatch(/^siglip: Node [\d.]+ does not run TypeScript; run npm ci, .*\n$/);
  expect(status).toBe(2);
});
