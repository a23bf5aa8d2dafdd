/** Runs tests in a copy of the project, and says whether one of them notices the change in it. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VITEST = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

/** In that order, one file at a time; properties stop at the first counter-example instead of looking for a smaller one. */
const configFor = (tests: readonly string[], setup: readonly string[]): string => `
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
    setupFiles: ${JSON.stringify(setup)},
    pool: "forks",
    bail: 1,
    testTimeout: 300_000,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
  },
};
`;

/** What came of the tests; `test`: the first that failed, or that had no time left, which proves nothing. */
export type Outcome = { readonly seconds: number } & (
  | { readonly kind: "passed" }
  | { readonly kind: "failed" | "out of time"; readonly test: string }
);

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

/** vitest's report has the stack of an error in place of its message, and that of a timeout begins so. */
const isTimeout = (message: string): boolean => /Test timed out|^Error: STACK_TRACE_ERROR/.test(message);

/** Runs tests in a folder with `node_modules`. Throws if a test file cannot be run. */
export function runTests(folder: string, tests: readonly string[], setup: readonly string[]): Outcome {
  const start = performance.now();
  const out = join(folder, "report.json");
  writeFileSync(join(folder, "vitest.config.mjs"), configFor(tests, setup));
  const args = ["run", "--reporter=json", `--outputFile=${out}`, ...tests];
  const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, VITEST, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  const seconds = (performance.now() - start) / 1e3;
  if (status === 0) return { kind: "passed", seconds };
  const { testResults } = JSON.parse(readFileSync(out, "utf8")) as Report;
  for (const { name, message, assertionResults } of testResults) {
    const file = name.slice(name.indexOf("test/"));
    const failed = assertionResults.find((each) => each.status === "failed");
    if (failed) {
      const kind = failed.failureMessages.some(isTimeout) ? "out of time" : "failed";
      return { kind, test: `${file}: ${failed.fullName}`, seconds };
    }
    // A change that breaks the program instead of its result proves nothing about the tests.
    if (message) throw new Error(`mutants: ${file} could not be run: ${message}\n${stderr}`);
  }
  throw new Error(`mutants: vitest failed without a failed test\n${stderr}`);
}
