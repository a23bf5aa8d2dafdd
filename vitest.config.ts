import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/engine.ts"],
    env: { NODE_COMPILE_CACHE: join(tmpdir(), "siglip-ts-tests") }, // commands and devices that tests start are compiled once
    pool: "forks",
    maxWorkers: "100%", // many tests wait for processes that they start
    testTimeout: 30_000, // a busy machine is no failure; what hangs still ends
    hookTimeout: 60_000,
  },
});
