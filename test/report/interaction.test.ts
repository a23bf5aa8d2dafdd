import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearAxis, logAxis } from "../../src/report/axis.ts";
import { interpolated, moved, nearest, place, shown } from "../../src/report/browser.js";
import { drawnSeries } from "../../src/report/chart.ts";
import { chartsOf } from "../../src/report/figures.ts";
import { chartData } from "../../src/report/interaction.ts";
import { demoReport } from "../support/reportDemo.ts";

const demo = demoReport();
const charts = chartsOf(demo).map(({ chart }) => chart);
const dataOf = (block: { readonly text: string } | undefined) =>
  JSON.parse(/<script[^>]*>(.*)<\/script>/s.exec(block?.text ?? "")?.[1] ?? "null");

describe("the script of a page", () => {
  const value = fc.double({ min: 1e-6, max: 1e9, noNaN: true });

  it("puts values where the drawing has them, on linear and on logarithmic axes", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 2 }), fc.boolean(), (values, log) => {
        const axis = log ? logAxis(values, [0, 100]) : linearAxis(values, [0, 100], { nice: true });
        const [low, high] = axis.domain;
        for (const each of values)
          expect(place({ domain: [low, high], log, ticks: [] }, 0, 100, each)).toBeCloseTo(axis.at(each), 4);
      }),
    );
  });

  it("finds what a step is on another axis on the straight line between two rows", () => {
    const table: [number[], number[]] = [
      [0, 10, 20],
      [0, 5, 25],
    ];
    expect([0, 4, 10, 15, 20, 99].map((step) => interpolated(table, step))).toEqual([0, 2, 5, 15, 25, 25]);
    expect(interpolated([[], []], 3)).toBeNaN();
  });

  it("finds the nearest point", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer(), (numbers, wanted) => {
        const found = Math.abs(numbers[nearest(numbers, wanted)] - wanted);
        for (const number of numbers) expect(found).toBeLessThanOrEqual(Math.abs(number - wanted));
      }),
    );
  });

  it("moves by keys, and not beyond the ends", () => {
    const from = (key: string) => moved(key, 5, 12);
    const keys = ["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End", "x"];
    expect(keys.map(from)).toEqual([4, 6, 0, 11, 0, 11, undefined]);
    expect(moved("ArrowDown", 5, 16, 4)).toBe(9);
  });

  it.each([[0, "0"], [1234.56, "1,235"], [0.0001234, "0.000123"], [-5.5, "−5.5"], [12.34567, "12.35"]])(
    "writes %f as %s", (number, text) => expect(shown(number)).toBe(text),
  ); // biome-ignore format: a table
});

describe("the data block", () => {
  const data = dataOf(chartData(charts, [demo]));

  it("holds the curves that are drawn, to five digits", () => {
    for (const chart of charts) {
      const series = drawnSeries(chart);
      const found = data.charts[chart.name]?.series ?? []; // a pair model has no accuracy
      expect(found.map(({ name }: { name: string }) => name)).toEqual(series.map(({ name }) => name));
      for (const [i, { line }] of series.entries()) {
        expect(data.steps[found[i].line.x]).toEqual(line.map(([step]) => step));
        expect(found[i].line.y).toEqual(line.map(([, y]) => Number(y.toPrecision(5))));
      }
    }
  });

  it("has axes over steps, GFLOP and time, and leaves out what no run has measured", () => {
    expect(Object.keys(data.x)).toEqual(["step", "gflop", "time"]);
    expect(data.x.time.label).toBe("time in min");
    const metrics = demo.metrics.slice(0, 9).map(({ step, loss }) => ({ step, loss }));
    const bare = dataOf(chartData(charts, [{ ...demo, metrics, times: [] }]));
    expect(Object.keys(bare.x)).toEqual(["step"]);
  });

  it("offers a logarithmic axis only where all values are positive", () => {
    expect(Object.keys(data.charts.loss.y)).toEqual(["linear", "log"]);
    expect(Object.keys(data.charts.bias.y)).toEqual(["linear"]);
  });

  it("cannot be ended by a name", () => {
    const hostile = "</script><script>alert(1)</script>";
    const block = chartData(charts, [{ ...demo, name: hostile }]);
    expect(block?.text.match(/<\/script>/g)).toHaveLength(1);
    expect(dataOf(block).runs[0].name).toBe(hostile);
  });

  it("is left out without charts", () => {
    expect(chartData([], [demo])).toBe(undefined);
  });
});
