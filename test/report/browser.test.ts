/** The script of a report in a browser: what pointer, keys and selects do. Skipped where there is no Chromium. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { renderReport } from "../../src/report/index.ts";
import { pageScript } from "../../src/run/pageScript.ts";
import { chromium, documentOf } from "../support/chromium.ts";
import { demoReport } from "../support/reportDemo.ts";

const whole = demoReport();
const demo = { ...whole, metrics: whole.metrics.slice(0, 20), evaluations: [], times: [], sheet: [] };

/** What the lines of a driver log in the page, which has the script and the driver as its only script. */
function drive(driver: string): string[] {
  const text = `${pageScript().text}
const log = [];
const chart = (name) => document.querySelector(\`svg[data-chart="\${name}"]\`);
const tip = (name) => chart(name).parentElement.querySelector(".tip");
const press = (element, key) => element.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
const choose = (name, value) => {
  const select = document.querySelector(\`select[name="\${name}"]\`);
  select.value = value;
  select.dispatchEvent(new Event("change"));
};
${driver}
document.documentElement.dataset.log = JSON.stringify(log);
`;
  const script = { text, sha256: createHash("sha256").update(text).digest("base64") };
  const [, log] = /data-log="([^"]*)"/.exec(documentOf(renderReport(demo, script))) ?? [];
  return JSON.parse((log ?? "null").replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
}

describe.skipIf(chromium === undefined)("a report in Chromium", { timeout: 60_000 }, () => {
  it("shows values under the pointer and by keyboard, in all charts at once, and on other axes", () => {
    const log = drive(`
log.push(document.querySelector("form.axes").hidden);
press(chart("loss"), "Home");
log.push(chart("loss").getAttribute("aria-valuetext"), tip("temperature").textContent);
press(chart("loss"), "End");
log.push(chart("loss").getAttribute("aria-valuetext"));
press(chart("loss"), "Escape");
log.push(tip("loss").hidden);
const { left, right, top } = chart("loss").getBoundingClientRect();
chart("loss").dispatchEvent(new PointerEvent("pointermove", { clientX: right, clientY: top }));
log.push(tip("loss").textContent);
const before = chart("loss").querySelector("path.line").getAttribute("d");
choose("x", "gflop");
log.push(chart("loss").querySelector(".label").textContent);
choose("xScale", "log");
log.push(chart("loss").querySelector(".label").textContent);
log.push(before !== chart("loss").querySelector("path.line").getAttribute("d"));
choose("yScale", "linear");
log.push(chart("loss").querySelector(".y-axis").textContent);
`);
    const [first, last] = [demo.metrics[0], demo.metrics[19]];
    const four = (value: number) => Number(value.toPrecision(4)).toLocaleString("en");
    expect(log.slice(0, 4)).toEqual([
      false,
      `step 1, ${four(first.loss)}`,
      `step 1${four(first.t!)}`,
      `step 20, ${four(last.loss)}`,
    ]);
    expect(log.slice(4, 9)).toEqual([true, `step 20${four(last.loss)}`, "GFLOP", "GFLOP (logarithmic)", true]);
    expect(log[9]).toMatch(/^\d/);
  });

  it("says what a cell of the similarity matrix means, by touch and by keyboard", () => {
    const log = drive(`
const matrix = document.querySelector("svg.matrix");
const said = () => matrix.nextElementSibling.textContent;
matrix.querySelector("rect.heat").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
log.push(said());
press(matrix, "Home");
press(matrix, "ArrowDown");
press(matrix, "ArrowRight");
log.push(said(), matrix.getAttribute("aria-valuetext") === said());
`);
    const [one, two] = demo.sample.names;
    expect(log[0]).toContain(`“${one}” with the picture of “${one}”: x·y = `);
    expect(log[1]).toContain(`“${two}” with the picture of “${two}”: x·y = `);
    expect(log[2]).toBe(true);
  });
});
