import { describe, expect, it } from "vitest";
import { type ComparedRun, renderComparison } from "../../src/report/index.ts";
import { demoReport } from "../support/reportDemo.ts";

const { metrics, ...demo } = demoReport();
const run = (name: string, more: Partial<ComparedRun> = {}): ComparedRun => ({
  ...demo,
  name,
  metrics: metrics.slice(0, 30),
  ...more,
});
const runs = [run("first"), run("second", { evaluations: [], times: [] })];
const page = renderComparison({ runs, differences: [{ key: "optim.lr", values: ["0.002", "0.05"] }] });

describe("renderComparison", () => {
  it("draws a curve of every run in each chart, each in its own colour and dashes", () => {
    const [loss] = page.match(/<svg class="chart" data-chart="loss".*?<\/svg>/s) ?? [];
    expect(loss?.match(/class="line s0"/g)).toHaveLength(1);
    expect(loss?.match(/class="line s1"/g)).toHaveLength(1);
  });

  it("explains no line that it does not draw: a dashed curve is that of a run", () => {
    expect(page).not.toContain("blind guess");
    expect(page).not.toContain("Dashed:");
  });

  it("has a chart for each quantity, where one run has them in one chart", () => {
    expect(page).toContain(">Update norm: pictures</title>");
    expect(page).toContain(">Update norm: texts</title>");
  });

  it("shows the newest figures of each run side by side, and a dash where nothing was measured", () => {
    expect(page).toMatch(/text → picture, R@1<\/th><td class="first">\d+\.\d %<\/td><td class="first">–<\/td>/);
  });

  it("lists the keys in which the runs differ", () => {
    expect(page).toMatch(/optim\.lr<\/th><td class="first">0\.002<\/td><td class="first">0\.05<\/td>/);
    expect(renderComparison({ runs, differences: [] })).toContain("All keys are equal.");
  });

  it("names the run of each warning", () => {
    const warned = [runs[0], run("second", { warnings: ["step 300: growing bias"] })];
    expect(renderComparison({ runs: warned, differences: [] })).toContain(
      "<bdi>second</bdi>: step 300: growing bias</li>",
    );
    expect(page).not.toContain("Warnings");
  });

  it("shows hostile names as text", () => {
    const hostile = '"><script>alert(1)</script>';
    const differences = [{ key: hostile, values: [hostile, hostile] }];
    expect(renderComparison({ runs: [run(hostile), run("b")], differences })).not.toContain("<script>alert");
  });
});
