import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { loadAtlas } from "../atlas/load.ts";
import { button, fixed, html, precise, set, svg } from "../dom.ts";
import type { Scene } from "../scene.ts";
import type { Report, Request } from "./messages.ts";
import text from "./text.html?raw";

export const train: Scene = { id: "train", title: "Train it", text, mount };

const CHART = { width: 560, height: 240, left: 48, right: 548, top: 12, bottom: 206 };
const STEPS = 1200;

function mount(root: HTMLElement): void {
  const chart = lossChart();
  const tile = (name: string, test: string): [HTMLElement, HTMLElement] => {
    const value = html("dd", { "data-test": test }, "–");
    return [html("div", {}, html("dt", {}, name), value), value];
  };
  const [[stepTile, step], [lossTile, loss], [tTile, t], [bTile, b], [recallTile, recall], [pixelTile, pixels]] = [
    tile("step", "train-steps"),
    tile("loss", "train-loss"),
    tile("t", "train-t"),
    tile("b", "train-b"),
    tile("picture → text R@1", "train-recall"),
    tile("the same by pixels", "train-pixels"),
  ];
  const status = html("p", { class: "note", role: "status", "data-test": "train-status" });
  const start = button("Train", "train-start", () => toggle());
  start.className = "main";
  const single = button("One step", "train-step", () => send({ kind: "step" }));
  root.append(
    html("div", { class: "buttons" }, start, single),
    status,
    html("dl", { class: "tiles" }, stepTile, lossTile, tTile, bTile, recallTile, pixelTile),
    chart.element,
  );

  let running = false;
  let worker: Promise<Worker> | undefined;
  const send = async (request: Request): Promise<void> => {
    worker ??= open();
    (await worker).postMessage(request);
  };
  function toggle(): void {
    running = !running;
    start.textContent = running ? "Pause" : "Train";
    void send({ kind: running ? "run" : "pause" });
  }
  async function open(): Promise<Worker> {
    status.textContent = "loading the pictures";
    const { pictures, styles, names } = await loadAtlas();
    const made = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    made.addEventListener("message", ({ data }: MessageEvent<Report>) => receive(data));
    made.addEventListener("error", ({ message }) => receive({ kind: "failed", message }));
    made.postMessage({ kind: "open", pictures, names: { styles, names }, seed: 0 } satisfies Request);
    return made;
  }
  function receive(report: Report): void {
    if (report.kind === "ready") {
      status.textContent = `one thread; kernels: ${report.kernels}`;
      pixels.textContent = `${fixed(100 * report.byPixels, 1)} %`;
    } else if (report.kind === "step") {
      step.textContent = String(report.step);
      loss.textContent = precise(report.loss);
      t.textContent = fixed(report.t);
      b.textContent = fixed(report.b);
      chart.add(report.step, report.loss);
    } else if (report.kind === "seen") {
      recall.textContent = `${fixed(100 * report.imageToText, 1)} %`;
    } else {
      status.textContent = `the training failed: ${report.message}`;
    }
  }
}

/** The loss of every step on a logarithmic axis. */
function lossChart() {
  const x = scaleLinear([0, STEPS], [CHART.left, CHART.right]);
  const y = scaleLog([0.3, 300], [CHART.bottom, CHART.top]).clamp(true);
  const path = svg("path", { class: "line s0" });
  const title = svg("title", {}, "The loss of every step");
  const element = svg(
    "svg",
    { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", class: "loss-chart" },
    title,
    ...[1, 10, 100].flatMap((tick) => [
      svg("path", { class: "grid", d: `M${CHART.left} ${y(tick)}H${CHART.right}` }),
      svg("text", { x: CHART.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)),
    ]),
    ...x
      .ticks(6)
      .map((tick) => svg("text", { x: x(tick), y: CHART.bottom + 18, "text-anchor": "middle" }, String(tick))),
    path,
  );
  const points: [number, number][] = [];
  let due = false;
  return {
    element,
    add(step: number, loss: number): void {
      points.push([x(step), y(loss)]);
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        set(path, { d: line()(points) as string });
        title.textContent = `The loss of every step: ${precise(loss)} at step ${step}`;
      });
    },
  };
}
