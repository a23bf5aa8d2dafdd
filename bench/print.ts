/** A row as a line of text. */
import type { Row } from "./row.ts";

const round = (x: number): number => Number(x.toPrecision(4));

/** The bar of a row, and whether it holds. */
function verdict({ bar, ok }: Row): string[] {
  if (bar === undefined) return [];
  const leasts = (least: Readonly<Record<string, number>>) =>
    Object.entries(least).map(([anchor, times]) => `${anchor} >= ${round(times)}`);
  const asked = typeof bar === "string" ? bar : leasts(bar).join(", ");
  return [`${ok === undefined ? "not judged" : ok ? "ok" : "MISSED"}: ${asked}`];
}

/** `gemm        NN 512x512x512            gflops 107.2   1.03 × openblas   ok: openblas >= 0.95` */
export function line(row: Row): string {
  const { bench, case: name, ratio, bar: _bar, ok: _ok, ...figures } = row;
  const shown = Object.entries(figures).map(([figure, value]) =>
    typeof value === "number" ? `${figure} ${round(value)}` : `${figure} ${value}`,
  );
  const anchors = Object.entries(ratio).map(([anchor, times]) => `${round(times)} × ${anchor}`);
  return `${bench.padEnd(12)}${name.padEnd(26)}${[...shown, ...anchors, ...verdict(row)].join("   ")}`;
}
