/** `npm run test:page`: the page in Chromium and in Firefox. Without one of them it says so and leaves its tests out. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromiumPath } from "./chromium.ts";
import { firefoxPath } from "./firefox.ts";

const BROWSERS = [
  { name: "Chromium", package: "chromium", variable: "CHROMIUM", path: chromiumPath(), tests: ".browser.ts" },
  { name: "Firefox", package: "firefox-esr", variable: "FIREFOX", path: firefoxPath(), tests: ".firefox.ts" },
];
for (const { name, package: debian, variable, path } of BROWSERS)
  if (path === undefined)
    console.log(
      `test:page: skipped in ${name}, since none is found; install one (apt-get install ${debian}) or set ${variable} to its path`,
    );
const found = BROWSERS.filter(({ path }) => path !== undefined);
if (found.length > 0) {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const vitest = at("../../node_modules/vitest/vitest.mjs");
  const missing = BROWSERS.filter((browser) => !found.includes(browser)).flatMap(({ tests }) => ["--exclude", `**/*${tests}`]); // biome-ignore format: a line
  const args = [vitest, "run", "--config", at("vitest.config.ts"), ...missing, ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
}
