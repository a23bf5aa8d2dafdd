import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: ["test/page/**/*.{browser,firefox}.ts"],
    pool: "forks",
    maxWorkers: 1, // each file has a browser
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } }, // a second is short where other programs take the cores
  },
});
