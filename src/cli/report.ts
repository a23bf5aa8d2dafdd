/** `siglip report`: the report of a run with its newest checkpoint, or several runs beside each other in one page. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isRunLocked, readRun, reportRun, RunFolderError, reportRuns, utf8, realFs, writeDurably } from "../run/index.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";

export interface ReportOptions {
  readonly out?: string;
}

const COMPARISON = "comparison.html";

export async function report(paths: readonly string[], { out }: ReportOptions): Promise<void> {
  if (new Set(paths).size < paths.length) throw new RunFolderError("a run is named twice; name each once");
  const file = out ?? (paths.length === 1 ? join(paths[0], "report.html") : COMPARISON);
  requireReport(file);
  const page = paths.length === 1 ? await reportRun(paths[0], opening(), warn) : await reportRuns(paths);
  writeDurably(realFs, file, utf8(page));
  print(`report: ${file}`);
}

/** Throws if the file exists and is something else than a report. */
function requireReport(file: string): void {
  if (!file.endsWith(".html")) throw new RunFolderError(`--out ${file} is not an .html file; name one, as in --out report.html`);
  if (existsSync(file) && !readFileSync(file, "utf8").slice(0, 1000).includes(GENERATED)) {
    throw new RunFolderError(`${file} exists and is not a report of siglip; choose another --out`);
  }
}
