/** The table at the end of `npm run test:long`: a line for each function, mode and bound. */
import type { Bound, Worst } from "./meter.ts";

export interface Row {
  readonly check: string;
  readonly mode: string;
  readonly checked: number;
  /** The worst error by each of the bounds. */
  readonly worst: readonly Worst[];
  readonly bounds: readonly Bound[];
}

export const isBroken = ({ worst, bounds }: Row): boolean => worst.some(({ error }, b) => !(error <= bounds[b].most));

const HEAD = ["function", "kernels", "worst", "bound", "unit", "worst at", "numbers"];

function cells({ check, mode, checked, worst, bounds }: Row): string[][] {
  return bounds.map(({ most, unit }, b) => {
    const { error, x, got, exact } = worst[b];
    const broken = error <= most ? "" : ` BROKEN: ${got} for ${exact}`;
    const size = error === 0 ? "0" : error.toFixed(2);
    return [
      check,
      mode,
      size,
      `${most}${broken}`,
      unit.replaceAll("|", "\\|"),
      error === 0 ? "" : String(x),
      checked.toLocaleString("en"),
    ];
  });
}

/** The table in Markdown, with aligned columns. */
export function table(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.flatMap(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const show = (line: readonly string[]) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [show(lines[0]), rule, ...lines.slice(1).map(show)].join("\n");
}
