/**
 * `npm run test:mutants [name...]`: puts every seeded bug into a copy of the source and runs the tests that should notice.
 *
 * Prints a line a bug: its name and the first test that killed it. Exits with 1 if one survives.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bug, Place } from "./bug.ts";
import { bugs, changed } from "./bugs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** In that order, one file at a time; properties stop at the first counter-example instead of looking for a smaller one. */
const configFor = (tests: readonly string[]): string => `
import { BaseSequencer } from "vitest/node";
const order = ${JSON.stringify(tests)};
class InOrder extends BaseSequencer {
  async sort(files) {
    const place = (file) => order.findIndex((name) => file.moduleId.endsWith(name));
    return [...files].sort((a, b) => place(a) - place(b));
  }
}
export default {
  test: {
    setupFiles: ["test/support/engine.ts", "test/mutants/noShrinking.ts"],
    pool: "forks",
    bail: 1,
    testTimeout: 300_000,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
  },
};
`;

/** A copy of what the tests need, with the changes made. */
function mutant(places: readonly Place[], tests: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "siglip-mutant-"));
  for (const each of ["src", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  }
  writeFileSync(join(folder, "vitest.config.mjs"), configFor(tests));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of places) {
    const path = join(folder, "src", file);
    writeFileSync(path, changed(readFileSync(path, "utf8"), { file, find, replace }));
  }
  return folder;
}

interface Outcome {
  /** The test that failed first; none if all passed. */
  readonly killer: string | undefined;
  readonly seconds: number;
}

/** vitest's report, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function runTests(folder: string, tests: readonly string[]): Outcome {
  const start = performance.now();
  const out = join(folder, "report.json");
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--reporter=json", `--outputFile=${out}`, ...tests];
  const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, vitest, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  const seconds = (performance.now() - start) / 1e3;
  if (status === 0) return { killer: undefined, seconds };
  const { testResults } = JSON.parse(readFileSync(out, "utf8")) as Report;
  for (const { name, message, assertionResults } of testResults) {
    const file = name.slice(name.indexOf("test/"));
    const failed = assertionResults.find((each) => each.status === "failed");
    if (failed?.failureMessages.some((each) => each.includes("Test timed out"))) {
      throw new Error(`mutants: ${file}: ${failed.fullName}: no time left; it proves nothing on a busy machine`);
    }
    if (failed) return { killer: `${file}: ${failed.fullName}`, seconds };
    // A change that breaks the program instead of its result proves nothing about the tests.
    if (message) throw new Error(`mutants: ${file} could not be run: ${message}\n${stderr}`);
  }
  throw new Error(`mutants: vitest failed without a failed test\n${stderr}`);
}

function test(places: readonly Place[], tests: readonly string[]): Outcome {
  const folder = mutant(places, tests);
  try {
    return runTests(folder, tests);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const chosen: readonly Bug[] = wanted.length > 0 ? bugs.filter(({ name }) => wanted.includes(name)) : bugs;
if (chosen.length < wanted.length) {
  console.error(
    `mutants: no such bug among ${wanted.join(", ")}; there are ${bugs.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}

const allTests = [...new Set(chosen.flatMap(({ tests }) => tests))];
const unchanged = test([], allTests);
if (unchanged.killer) {
  console.error(`mutants: the tests fail without any bug: ${unchanged.killer}`);
  process.exit(1);
}
console.log(`no bug: all pass (${unchanged.seconds.toFixed(0)} s)`);
let survivors = 0;
for (const { name, places, tests } of chosen) {
  places.forEach((each, i) => {
    const { killer, seconds } = test(each, tests);
    if (!killer) survivors++;
    const which = places.length > 1 ? ` ${i + 1}/${places.length}` : "";
    console.log(`${name}${which} (${each[0].file}): ${killer ?? "SURVIVES"} (${seconds.toFixed(0)} s)`);
  });
}
console.log(survivors === 0 ? "all killed" : `${survivors} survive`);
process.exitCode = survivors === 0 ? 0 : 1;
