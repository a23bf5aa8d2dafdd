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

interface Column {
  readonly header: string;
  readonly cell: (run: RunSummary) => string;
  readonly isNumber?: boolean;
}

const count = (n: number): string => n.toLocaleString("en");
const percent = (share: number | undefined): string => (share === undefined ? "" : `${(100 * share).toFixed(1)} %`);
const progress = ({ step, steps }: RunSummary): string =>
  step === steps ? count(steps) : `${count(step)}/${count(steps)}`;

/** Results are those on the first test set; t → p is text → picture. */
const COLUMNS: readonly Column[] = [
  { header: "run", cell: ({ path }) => path },
  { header: "state", cell: ({ state }) => state },
  { header: "step", cell: progress, isNumber: true },
  { header: "loss", cell: ({ loss }) => loss?.toFixed(4) ?? "", isNumber: true },
  { header: "R@1 t → p", cell: ({ recall }) => percent(recall?.textToImage.r1), isNumber: true },
  { header: "p → t", cell: ({ recall }) => percent(recall?.imageToText.r1), isNumber: true },
  { header: "accuracy", cell: ({ testAccuracy }) => percent(testAccuracy?.accuracy), isNumber: true },
  { header: "preset, settings", cell: ({ preset, settings }) => [preset, ...settings].join(" ") },
];

/** The table for people, without columns that no run fills: runs of pairs have recall, classifiers an accuracy. */
export function runsTable(found: readonly RunSummary[]): string {
  const columns = COLUMNS.map(({ header, cell, isNumber }) => ({ cells: [header, ...found.map(cell)], isNumber }))
    .filter(({ cells }) => cells.slice(1).some((cell) => cell !== ""))
    .map(({ cells, isNumber }) => {
      const width = Math.max(...cells.map((cell) => cell.length));
      return cells.map((cell) => (isNumber ? cell.padStart(width) : cell.padEnd(width)));
    });
  return columns[0]
    .map((_, row) =>
      columns
        .map((cells) => cells[row])
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
