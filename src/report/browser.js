// @ts-check
/**
 * The script of a report: values under the pointer and by keyboard, other axes, and a page that renews itself while a training runs.
 *
 * It is put into the page as it is, so it imports nothing and is JavaScript with types in comments. What it draws with is in the data
 * block of the page (interaction.ts): curves by step, and axes with their ticks.
 */

/** @typedef {{ domain: [number, number], log: boolean, ticks: [number, string][] }} Axis */
/** @typedef {{ label: string, linear: Axis, log: Axis }} Axes */
/** @typedef {[number[], number[]]} Table  steps, and what they are on another axis */
/** @typedef {{ x: number, y: number[] }} Curve  x: which of the lists of steps */
/** @typedef {{ name: string, run: number, colour: string, line: Curve, raw?: Curve, low?: Curve, high?: Curve }} Series */
/** @typedef {{ scale: "linear" | "log", y: { linear: Axis, log?: Axis }, reference?: number, series: Series[] }} Chart */
/** @typedef {{ left: number, right: number, top: number, bottom: number }} Plot */
/** @typedef {{ name: string, gflop: Table, time: Table }} Run */
/**
 * @typedef {{ plot: Plot, x: Record<string, Axes>, runs: Run[], charts: Record<string, Chart>, steps: number[][] }} PageData
 */
/** @typedef {{ x: string, xScale: string, yScale: string }} Choice */
/** @typedef {{ choice: Choice, data: PageData }} Shown */

/** The pixel of a value on an axis between two pixels, not beyond them. @type {(axis: Axis, from: number, to: number, value: number) => number} */
export function place({ domain: [low, high], log }, from, to, value) {
  const at = log ? Math.log : Number;
  if (high === low) return (from + to) / 2;
  const share = (at(Math.min(high, Math.max(low, value))) - at(low)) / (at(high) - at(low));
  return from + share * (to - from);
}

/** The value of a table at a step, on a straight line between its rows; NaN in an empty one. @type {(table: Table, step: number) => number} */
export function interpolated([steps, values], step) {
  const after = steps.findIndex((each) => each >= step);
  if (after <= 0) return after === 0 ? values[0] : (values.at(-1) ?? Number.NaN);
  const share = (step - steps[after - 1]) / (steps[after] - steps[after - 1]);
  return values[after - 1] + share * (values[after] - values[after - 1]);
}

/** The index of the number that is nearest to another one. @type {(numbers: number[], value: number) => number} */
export function nearest(numbers, value) {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) {
    if (Math.abs(numbers[i] - value) < Math.abs(numbers[best] - value)) best = i;
  }
  return best;
}

/** A number with four digits, for people. @type {(value: number) => string} */
export const shown = (value) =>
  (Math.abs(value) < 1e-3 && value !== 0
    ? value.toPrecision(3)
    : Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 6 })
  ).replace("-", "−");

/** A step on the chosen horizontal axis. @type {(page: Shown, run: number, step: number) => number} */
function across({ choice, data }, run, step) {
  if (choice.x === "step") return step;
  return interpolated(data.runs[run][choice.x === "time" ? "time" : "gflop"], step);
}

/** @type {(name: string, attributes: Record<string, string | number>, text?: string) => SVGElement} */
function svgElement(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

/** @type {<Kind extends Element>(within: ParentNode, selector: string, kind: new () => Kind) => Kind[]} */
const all = (within, selector, kind) =>
  [...within.querySelectorAll(selector)].flatMap((each) => (each instanceof kind ? [each] : []));

const LEGEND = 14; // pixels above the legend, whose place the values take

/** Draws a chart on the chosen axes, and shows its values at a pixel or a point. */
class DrawnChart {
  /** @param {SVGSVGElement} svg @param {Chart} chart @param {Shown} page */
  constructor(svg, chart, page) {
    this.svg = svg;
    this.chart = chart;
    this.page = page;
    this.cursor = svg.appendChild(svgElement("g", { class: "cursor" }));
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    svg.after(this.tip);
    /** Pixels of the points of each series. @type {{ x: number[], y: number[] }[]} */
    this.places = [];
    this.at = 0; // the point that the keyboard has reached, of the longest series
  }

  /** The points of a curve in pixels; those that the axis does not have are left out. @param {Curve} curve @param {number} run */
  pixels(curve, run) {
    const { data, choice } = this.page;
    const { left, right, top, bottom } = data.plot;
    const x = data.x[choice.x][choice.xScale === "log" ? "log" : "linear"];
    const y = this.vertical();
    return curve.y.map((value, i) => [
      place(x, left, right, across(this.page, run, data.steps[curve.x][i])),
      place(y, bottom, top, value),
    ]);
  }

  vertical() {
    const { y, scale } = this.chart;
    const wanted = this.page.choice.yScale || scale;
    return wanted === "log" && y.log ? y.log : y.linear;
  }

  draw() {
    const { data, choice } = this.page;
    const { left, right, top, bottom } = data.plot;
    const x = data.x[choice.x];
    const horizontal = choice.xScale === "log" ? x.log : x.linear;
    const find = (/** @type {string} */ selector) => this.svg.querySelector(selector);
    find(".x-axis")?.replaceChildren(
      ...horizontal.ticks.flatMap(([at, text]) => [
        svgElement("path", { class: "axis", d: `M${at} ${bottom}v4` }),
        svgElement("text", { x: at, y: bottom + 17, "text-anchor": "middle" }, text),
      ]),
    );
    find(".y-axis")?.replaceChildren(
      ...this.vertical().ticks.flatMap(([at, text]) => [
        svgElement("path", { class: "grid", d: `M${left} ${at}H${right}` }),
        svgElement("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, text),
      ]),
    );
    const label = find(".label");
    if (label) label.textContent = x.label + (choice.xScale === "log" ? " (logarithmic)" : "");
    this.places = this.chart.series.map((series, i) => this.drawSeries(series, i));
    const { reference } = this.chart;
    if (reference === undefined) return;
    const level = place(this.vertical(), bottom, top, reference);
    find(".reference")?.setAttribute("d", `M${left} ${level}H${right}`);
    find(".note")?.setAttribute("y", String(level - top < 16 ? level + 14 : level - 5));
  }

  /** Returns the pixels of its points. @param {Series} series @param {number} index */
  drawSeries({ run, line, raw, low, high }, index) {
    const path = (/** @type {number[][]} */ points) => {
      const known = points.filter(([x]) => !Number.isNaN(x));
      return known.length === 0 ? "" : `M${known.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join(" ")}`;
    };
    const set = (/** @type {string} */ kind, /** @type {string} */ d) =>
      this.svg.querySelector(`path.${kind}[data-series="${index}"]`)?.setAttribute("d", d);
    const points = this.pixels(line, run);
    set("line", path(points));
    if (raw) set("raw", path(this.pixels(raw, run)));
    if (low && high) set("band", `${path([...this.pixels(low, run), ...this.pixels(high, run).reverse()])}Z`);
    all(this.svg, `circle.dot[data-series="${index}"]`, SVGElement).forEach((dot, i) => {
      const [x, y] = points[i];
      dot.setAttribute("visibility", Number.isNaN(x) ? "hidden" : "visible");
      dot.setAttribute("cx", String(x));
      dot.setAttribute("cy", String(y));
    });
    const values = this.pixels(raw ?? line, run);
    return { x: values.map(([x]) => x), y: values.map(([, y]) => y) };
  }

  /** The longest series, through which the keyboard moves. */
  longest() {
    const lengths = this.places.map(({ x }) => x.length);
    return lengths.indexOf(Math.max(...lengths));
  }

  /** Shows the values at a horizontal pixel, and returns them as text. @param {number} pixel */
  show(pixel) {
    const { data, choice } = this.page;
    const { top, bottom } = data.plot;
    const marks = [svgElement("path", { class: "rule", d: `M${pixel} ${top}V${bottom}` })];
    let place = "";
    const lines = this.chart.series.flatMap(({ name, run, colour, line, raw }, i) => {
      const { x, y } = this.places[i];
      const known = raw ?? line;
      const at = nearest(x, pixel);
      if (!(Math.abs(x[at] - pixel) < 24)) return []; // the run has not come so far, or has no such axis
      marks.push(svgElement("circle", { class: `dot ${colour}`, cx: x[at], cy: y[at], r: 3.5 }));
      const step = data.steps[known.x][at];
      const where = `${choice.x === "step" ? "" : `${data.x[choice.x].label} ${shown(across(this.page, run, step))}, `}step ${step.toLocaleString("en")}`;
      place ||= where;
      return [{ colour, text: `${name ? `${name} ` : ""}${shown(known.y[at])}` }];
    });
    this.cursor.replaceChildren(...marks);
    const parts = lines.map(({ colour, text }) => {
      const part = document.createElement("span");
      if (this.chart.series.length > 1) part.append(swatch(colour), " ");
      part.append(text);
      return part;
    });
    const head = document.createElement("span");
    head.textContent = place;
    this.tip.replaceChildren(head, ...parts);
    this.tip.hidden = lines.length === 0;
    this.tip.style.top = `${figureTop(this.svg) + LEGEND * (this.svg.clientWidth / this.svg.viewBox.baseVal.width)}px`;
    return [place, ...lines.map(({ text }) => text)].join(", ");
  }

  hide() {
    this.cursor.replaceChildren();
    this.tip.hidden = true;
  }
}

/** How far a drawing is below the top of its figure. @type {(svg: Element) => number} */
const figureTop = (svg) => svg.getBoundingClientRect().top - (svg.parentElement?.getBoundingClientRect().top ?? 0);

/** @type {(colour: string) => SVGElement} */
function swatch(colour) {
  const svg = svgElement("svg", { class: "swatch", viewBox: "0 0 18 8", "aria-hidden": "true" });
  svg.append(svgElement("path", { class: `line ${colour}`, d: "M1 4h16" }));
  return svg;
}

/** Where a key leads from a place among so many; undefined for other keys. @type {(key: string, at: number, count: number, row?: number) => number | undefined} */
export function moved(key, at, count, row = 10) {
  /** @type {Record<string, number>} */
  const moves = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowUp: at - row,
    ArrowDown: at + row,
    PageUp: at - row,
    PageDown: at + row,
    Home: 0,
    End: count - 1,
  };
  return key in moves ? Math.min(count - 1, Math.max(0, moves[key])) : undefined;
}

/** Makes a drawing a slider: the keyboard moves through `count` places, and `show` shows one and says what is there. */
/** @type {(svg: SVGSVGElement, count: () => number, row: number, show: (at: number) => string, hide: () => void) => void} */
function makeSlider(svg, count, row, show, hide) {
  let at = -1;
  const go = (/** @type {number} */ to) => {
    at = to;
    svg.setAttribute("aria-valuemax", String(count() - 1));
    svg.setAttribute("aria-valuenow", String(at));
    svg.setAttribute("aria-valuetext", show(at));
  };
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "slider");
  svg.setAttribute("aria-valuemin", "0");
  svg.setAttribute("aria-valuemax", String(count() - 1));
  svg.setAttribute("aria-valuenow", String(count() - 1));
  svg.addEventListener("keydown", (event) => {
    const to = moved(event.key, at < 0 ? count() : at, count(), row);
    if (event.key === "Escape") hide();
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(to);
  });
  svg.addEventListener("blur", hide);
}

/** The charts: one cursor goes through all of them. @type {(page: Shown) => DrawnChart[]} */
function startCharts(page) {
  const charts = all(document, "svg[data-chart]", SVGSVGElement).flatMap((svg) => {
    const chart = page.data.charts[svg.dataset.chart ?? ""];
    return chart ? [new DrawnChart(svg, chart, page)] : [];
  });
  const hide = () => charts.forEach((chart) => void chart.hide());
  for (const chart of charts) {
    chart.draw();
    const showAll = (/** @type {number} */ pixel) => {
      for (const other of charts) if (other !== chart) other.show(pixel);
      return chart.show(pixel);
    };
    chart.svg.addEventListener("pointermove", (event) => {
      const { left, width } = chart.svg.getBoundingClientRect();
      const { left: least, right: most } = page.data.plot;
      const pixel = ((event.clientX - left) * chart.svg.viewBox.baseVal.width) / width;
      showAll(Math.min(most, Math.max(least, pixel)));
    });
    chart.svg.addEventListener("pointerleave", hide);
    const places = () => chart.places[chart.longest()].x;
    makeSlider(
      chart.svg,
      () => places().length,
      10,
      (at) => showAll(places()[at]),
      hide,
    );
  }
  return charts;
}

/** The similarity matrix: what the tip of a cell says stands below it, also for touch and keyboard. @type {(svg: SVGSVGElement) => void} */
function startMatrix(svg) {
  const cells = all(svg, "rect.heat", SVGElement).filter((cell) => cell.querySelector("title"));
  const said = document.createElement("p");
  said.className = "said";
  svg.after(said);
  const clear = () => cells.forEach((cell) => void cell.classList.remove("chosen"));
  const show = (/** @type {number} */ at) => {
    clear();
    cells[at].classList.add("chosen");
    said.textContent = cells[at].querySelector("title")?.textContent ?? "";
    return said.textContent;
  };
  for (const kind of ["pointermove", "pointerdown"]) {
    svg.addEventListener(kind, ({ target }) => {
      if (target instanceof SVGElement && cells.includes(target)) show(cells.indexOf(target));
    });
  }
  makeSlider(svg, () => cells.length, Math.sqrt(cells.length), show, clear);
}

/** What a reader has chosen, kept while the page renews itself. */
/** @typedef {{ choice?: Choice, scroll?: number, open?: boolean[] }} Kept */
const KEY = () => `siglip-report ${location.pathname}`;

/** @type {() => Kept} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY()) ?? "{}");
  } catch {
    return {}; // a browser may forbid it
  }
}

/** @type {(values: Kept) => void} */
function keep(values) {
  try {
    sessionStorage.setItem(KEY(), JSON.stringify(values));
  } catch {
    // Then the page is as at first.
  }
}

/** The selects of the axes. @type {(choice: Choice, data: PageData, redraw: () => void) => void} */
function startChoice(choice, data, redraw) {
  const [form] = all(document, "form.axes", HTMLFormElement);
  if (!form) return;
  form.hidden = false;
  for (const select of all(form, "select", HTMLSelectElement)) {
    const name = /** @type {keyof Choice} */ (select.name);
    for (const option of [...select.options]) if (name === "x" && !(option.value in data.x)) option.remove();
    select.value = choice[name];
    select.addEventListener("change", () => {
      choice[name] = select.value;
      redraw();
    });
  }
}

/** Reloads the page every so many seconds, but not under the hands of a reader. @type {(seconds: number, choice: Choice) => void} */
function renew(seconds, choice) {
  setTimeout(() => {
    const isUsed = document.activeElement?.matches("svg, select") || document.querySelector("svg:hover");
    if (document.hidden || isUsed) return renew(1, choice);
    const open = all(document, "details", HTMLDetailsElement).map((each) => each.open);
    keep({ choice, scroll: scrollY, open });
    location.reload();
  }, 1000 * seconds);
}

function start() {
  const { choice = { x: "step", xScale: "linear", yScale: "" }, scroll, open = [] } = kept();
  keep({});
  const block = document.getElementById("chart-data");
  if (block) {
    /** @type {PageData} */
    const data = JSON.parse(block.textContent ?? "");
    if (!(choice.x in data.x)) choice.x = "step";
    const charts = startCharts({ choice, data });
    startChoice(choice, data, () => charts.forEach((chart) => void chart.draw()));
  }
  all(document, "svg.matrix", SVGSVGElement).forEach(startMatrix);
  all(document, "details", HTMLDetailsElement).forEach((each, i) => {
    each.open = open[i] ?? each.open;
  });
  if (scroll !== undefined) scrollTo(0, scroll);
  const seconds = Number(document.documentElement.dataset.renew);
  if (seconds > 0) renew(seconds, choice);
}

if (typeof document !== "undefined") start();
