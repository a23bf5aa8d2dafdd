/** `siglip runs`: the runs in a folder, a line each, the newest last. */
import { existsSync } from "node:fs";
import { listRuns, RunFolderError, type RunSummary } from "../run/index.ts";
import { commandLine } from "./invocation.ts";
import { print, printableLines, warn } from "./print.ts";

/** Parent folder of runs without --out. */
export const RUNS = "runs";

export function runs(named: string | undefined, { json = false }: { json?: boolean }): void {
  if (named !== undefined && !existsSync(named)) {
    throw new RunFolderError(`${named} does not exist; name a folder of runs, or leave it out for ${RUNS}`);
  }
  const folder = named ?? RUNS;
  const found = listRuns(folder, warn);
  if (json) {
    print(JSON.stringify(found));
    return;
  }
  if (found.length === 0) process.stderr.write(`no runs in ${folder}; start one with: ${commandLine(["train"])}\n`);
  else print(printableLines(runsTable(found)));
}

const HEADER = ["run", "state", "step", "loss", "R@1 t → p", "p → t", "preset, settings"];
/** Columns of numbers. */
const RIGHT = [2, 3, 4, 5];

/** The table for people; t → p is text → picture on the first test set. */
export function runsTable(found: readonly RunSummary[]): string {
  const rows = [HEADER, ...found.map(cellsOf)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number): string =>
    RIGHT.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

function cellsOf({ path, state, step, steps, loss, recall, preset, settings }: RunSummary): string[] {
  const count = (n: number): string => n.toLocaleString("en");
  const percent = (share: number | undefined): string => (share === undefined ? "" : `${(100 * share).toFixed(1)} %`);
  return [
    path,
    state,
    step === steps ? count(steps) : `${count(step)}/${count(steps)}`,
    loss?.toFixed(4) ?? "",
    percent(recall?.textToImage.r1),
    percent(recall?.imageToText.r1),
    [preset, ...settings].join(" "),
  ];
}
