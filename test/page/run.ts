/** `npm run test:page`: the page in Chromium. Without one it says so and ends well. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromiumPath } from "./chromium.ts";

if (chromiumPath() === undefined) {
  console.log(
    "test:page: skipped, since no Chromium is found; install one (apt-get install chromium) or set CHROMIUM to its path",
  );
} else {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const vitest = at("../../node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--config", at("vitest.config.ts"), ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
}
