/** What counts as a killed mutant: a test that fails, and not one that had no time left. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { runTests } from "./runTests.ts";

const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

it.each([
  ["fails", 60_000, 'throw new Error("wrong");', "failed"],
  ["has no time left", 50, "await new Promise(() => {});", "out of time"],
])("a test that %s", { timeout: 120_000 }, (_, timeout, body, kind) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "test"));
  symlinkSync(MODULES, join(folder, "node_modules"));
  const code = `import { it } from "vitest";\nit("it does", { timeout: ${timeout} }, async () => { ${body} });\n`;
  writeFileSync(join(folder, "test/one.test.ts"), code);
  expect(runTests(folder, ["test/one.test.ts"], [])).toMatchObject({ kind, test: "test/one.test.ts: it does" });
});
