/**
 * `npm run test:mutants [name...]`: puts every seeded bug into a copy of the source and runs the tests that should notice.
 *
 * Prints a line a bug: its name and the first test that killed it. Exits with 1 if one survives, or if a test had no time left, as
 * on a busy machine: that proves nothing.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bug, Place } from "./bug.ts";
import { bugs, changed } from "./bugs.ts";
import { type Outcome, runTests } from "./runTests.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SETUP = ["test/support/engine.ts", "test/mutants/noShrinking.ts"];

/** A copy of what the tests need, with the changes made. */
function mutant(places: readonly Place[]): string {
  const folder = mkdtempSync(join(tmpdir(), "siglip-mutant-"));
  for (const each of ["src", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of places) {
    const path = join(folder, "src", file);
    writeFileSync(path, changed(readFileSync(path, "utf8"), { file, find, replace }));
  }
  return folder;
}

function test(places: readonly Place[], tests: readonly string[]): Outcome {
  const folder = mutant(places);
  try {
    return runTests(folder, tests, SETUP);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdictOf(outcome: Outcome): string {
  if (outcome.kind === "passed") return "SURVIVES";
  return outcome.kind === "failed" ? outcome.test : `OUT OF TIME in ${outcome.test}`;
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
if (unchanged.kind !== "passed") {
  console.error(`mutants: the tests fail without any bug (${unchanged.kind}): ${unchanged.test}`);
  process.exit(1);
}
console.log(`no bug: all pass (${unchanged.seconds.toFixed(0)} s)`);
let survivors = 0;
let undecided = 0;
for (const { name, places, tests } of chosen) {
  places.forEach((each, i) => {
    const outcome = test(each, tests);
    if (outcome.kind === "passed") survivors++;
    if (outcome.kind === "out of time") undecided++;
    const which = places.length > 1 ? ` ${i + 1}/${places.length}` : "";
    console.log(`${name}${which} (${each[0].file}): ${verdictOf(outcome)} (${outcome.seconds.toFixed(0)} s)`);
  });
}
const isDone = survivors + undecided === 0;
console.log(isDone ? "all killed" : `${survivors} survive, ${undecided} undecided: run these again on an idle machine`);
process.exitCode = isDone ? 0 : 1;
