import { type BrowserDevices, launchBrowser } from "../../src/parallel/launchBrowser.ts";
import { loadAtlas } from "../atlas/load.ts";
import { button, html } from "../dom.ts";
import type { Link, Scene } from "../scene.ts";
import { startWorker, type WorkerConfig } from "../startWorker.ts";
import type { Report } from "./messages.ts";
import { chartsOf, choicesOf, curvesTable, figuresOf } from "./parts.ts";
import { FAULTS, type FaultState, isFinished, type LossName, noProgress, type Progress, parametersOf, receive, stateOf } from "./state.ts"; // biome-ignore format: a line
import "./style.css";
import text from "./text.html?raw";

export const faults: Scene = { id: "faults", title: "A museum of faults", text, mount };

/** A training and what it has reported. */
interface Run {
  readonly progress: Progress;
  readonly devices: Promise<BrowserDevices<never>>;
}

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  const runs: { right?: Run | undefined; fault?: Run | undefined } = {};
  let failure = "";
  const choices = choicesOf((fault) => change({ ...state, fault }));
  const start = button("Train both", "faults-start", () => (isRunning() ? stop() : train()));
  start.className = "main";
  const says = html("p", { "data-test": "faults-change" });
  const seen = html("p", { class: "seen", role: "status", "data-test": "faults-seen" });
  const [figures, charts, table] = [figuresOf(), chartsOf(), curvesTable()];
  root.append(choices.element, says, html("div", { class: "buttons" }, start), figures.element, charts.element, seen, table.element); // biome-ignore format: a line

  const finished = (run: Run | undefined): boolean => run !== undefined && isFinished(run.progress);
  const isRunning = (): boolean => [runs.right, runs.fault].some((run) => run !== undefined && !finished(run));
  function end(which: "right" | "fault"): void {
    void runs[which]?.devices.then((devices) => devices.end());
    runs[which] = undefined;
  }
  function change(to: FaultState): void {
    const wasRunning = isRunning();
    end("fault");
    if (to.seed !== state.seed) end("right");
    state = to;
    link.write(parametersOf(state));
    if (wasRunning) train();
    else draw();
  }
  function launch(which: "right" | "fault", loss: LossName): Run {
    const progress = noProgress();
    const { seed } = state;
    const fail = (error: Error): void => {
      if (runs[which]?.progress !== progress) return;
      failure = error.message;
      stop();
    };
    const devices = loadAtlas().then(({ pictures, styles, names }) =>
      launchBrowser<WorkerConfig, never, Report>({
        size: 1,
        start: startWorker,
        kernels: "fast",
        config: { program: "fault", names: { styles, names }, pictures, loss, seed },
        onReport: (report) => {
          receive(progress, report);
          if (isFinished(progress)) void devices.then((each) => each.end());
          drawSoon();
        },
        onFailure: fail,
      }),
    );
    devices.catch(fail);
    return { progress, devices };
  }
  function train(): void {
    failure = "";
    runs.right ??= launch("right", "right"); // one run serves all faults
    end("fault");
    runs.fault = launch("fault", state.fault);
    draw();
  }
  function stop(): void {
    if (!finished(runs.right)) end("right");
    end("fault");
    draw();
  }
  let due = false;
  function drawSoon(): void {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  }
  function draw(): void {
    const { change: formula, seen: after, title } = FAULTS[state.fault];
    choices.show(state.fault);
    start.textContent = isRunning() ? "Stop" : "Train both";
    says.textContent = formula;
    const both = [runs.right?.progress ?? noProgress(), runs.fault?.progress ?? noProgress()] as const;
    figures.draw(both, title);
    charts.draw(both);
    table.draw(both, title);
    const isDone = finished(runs.right) && finished(runs.fault);
    seen.textContent = failure !== "" ? `The training failed: ${failure}` : isDone ? after : "";
  }
  link.onChange = (parameters) => change(stateOf(parameters));
  draw();
}
