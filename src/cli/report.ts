/** `siglip report`: the report of a run with its newest checkpoint, or several runs beside each other in one page. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareRuns, RunFolderError, realFs, reportRun, writeDurably } from "../run/index.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";

/** The page of several runs, where the command is typed. */
const COMPARISON = "comparison.html";

export async function report(runs: readonly string[], { out }: { out?: string }): Promise<void> {
  const twice = runs.find((run, i) => runs.indexOf(run) < i);
  if (twice !== undefined) throw new RunFolderError(`${twice} is named twice; name each run once`);
  const own = runs.length === 1 ? join(runs[0], "report.html") : undefined;
  const file = out ?? own ?? COMPARISON;
  if (file !== own) requireReport(file);
  const page = runs.length === 1 ? await reportRun(runs[0], opening(), warn) : await compareRuns(runs);
  writeDurably(realFs, file, new TextEncoder().encode(page));
  print(`report: ${file}`);
}

/** Throws if a file is not to be replaced by a report, since it is something else. */
function requireReport(file: string): void {
  if (!file.endsWith(".html"))
    throw new RunFolderError(`--out ${file} is not an HTML file; name one, as in --out ${COMPARISON}`);
  if (existsSync(file) && !readFileSync(file, "utf8").includes('<meta name="generator" content="siglip-ts">'))
    throw new RunFolderError(`${file} exists and is not a report; choose another --out`);
}
