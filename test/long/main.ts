/**
 * `npm run test:long [-- NAME...]`: every f32 number through every function of one number, fast and strict kernels, and
 * samples of the f64 functions of portable.ts; small models beside the libraries that they come from.
 *
 * NAME is the first word of a row of the table ("gelu": gelu and its derivative; "portable": the f64 functions), or "models", which
 * needs `--python PATH` (models/check.ts); by default all run, on every core, with a line a minute on stderr. Prints the table of
 * docs/ACCURACY.md; the exit code is 1 if a bound does not hold.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import "../../src/engine.ts";
import { startThread, threadFile } from "../../src/parallel/launch.ts";
import { chooseKernels, kernelReport } from "../../src/tensor/index.ts";
import { CHECKS } from "./checks.ts";
import { checkModels } from "./models/check.ts";
import { PORTABLE, samplePortable } from "./portable.ts";
import { MODES, merge, type Result } from "./sweep.ts";
import { type SweepJob, type SweepMessage, TASKS } from "./sweepThread.ts";
import { isBroken, table } from "./table.ts";

const MINUTE = 60_000; // ms

const firstWord = (name: string): string => name.split(/[ ,]/)[0];
const MODELS = "models";
const all = [MODELS, ...[...CHECKS, ...PORTABLE].map(({ name }) => firstWord(name))];
const { values, positionals: asked } = parseArgs({ allowPositionals: true, options: { python: { type: "string" } } });
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`test:long: unknown name ${unknown.join(", ")}; there are ${[...new Set(all)].join(", ")}`);
  process.exit(2);
}
const chosen = <T extends { readonly name: string }>(checks: readonly T[]): T[] =>
  checks.filter(({ name }) => asked.length === 0 || asked.includes(firstWord(name)));

/** Reports how many of `tasks` are done, a line a minute. */
function progress(tasks: number): () => void {
  const start = performance.now();
  let done = 0;
  let said = start;
  return () => {
    done++;
    const now = performance.now();
    if (now - said < MINUTE) return;
    said = now;
    const left = ((now - start) / done) * (tasks - done);
    console.error(`${((100 * done) / tasks).toFixed(1)} %, about ${Math.ceil(left / MINUTE)} min left`);
  };
}

/** The results of one thread; rejects if it fails. */
function sweepThread(job: SweepJob, onTask: () => void): Promise<readonly Result[]> {
  return new Promise((resolve, reject) => {
    const worker = startThread(threadFile("./sweepThread", import.meta.url), { workerData: job });
    worker.on("message", (message: SweepMessage) => (message ? resolve(message) : onTask()));
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`test:long: a thread ended with ${code} before its results`)));
  });
}

async function sweepAll(names: readonly string[]): Promise<readonly Result[]> {
  if (names.length === 0) return [];
  const job = { names, taken: new SharedArrayBuffer(4) };
  const onTask = progress(TASKS);
  const [total, ...others] = await Promise.all(
    Array.from({ length: availableParallelism() }, () => sweepThread(job, onTask)),
  );
  for (const results of others) merge(total, results);
  return total;
}

/** Sweeps the chosen functions; whether all bounds hold. */
async function checkFunctions(): Promise<boolean> {
  const start = performance.now();
  for (const mode of MODES) {
    chooseKernels(mode);
    console.log(`${mode}: ${kernelReport().why}`);
  }
  const checks = chosen(CHECKS);
  const rows = [
    ...(await sweepAll(checks.map(({ name }) => name))).map((result) => {
      const { bounds } = CHECKS.find(({ name }) => name === result.check)!;
      return { ...result, bounds };
    }),
    ...chosen(PORTABLE).map((check) => samplePortable(check)),
  ];
  console.log(table(rows));
  console.log(
    `\n${Math.ceil((performance.now() - start) / MINUTE)} min on ${availableParallelism()} threads, Node ${process.versions.node}`,
  );
  return !rows.some(isBroken);
}

const wants = (isModels: boolean): boolean =>
  asked.length === 0 || asked.some((name) => (name === MODELS) === isModels);
const held = [wants(true) ? await checkModels(values.python) : true, wants(false) ? await checkFunctions() : true];
process.exitCode = held.includes(false) ? 1 : 0;
