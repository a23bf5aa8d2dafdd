import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { fixed, html, precise, type Slider, set, slider, svg } from "../dom.ts";
import type { Link, Scene } from "../scene.ts";
import { MOVES, type PairState, pairOf, parametersOf, RANGES, stateOf } from "./state.ts";
import text from "./text.html?raw";

const RADIUS = 120;
const CURVE = { width: 380, height: 260, left: 44, right: 368, top: 14, bottom: 220 };
const MOST = 20; // of the loss axis

export const pair: Scene = { id: "pair", title: "A pair", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  const circle = circleDrawing((angle) => change({ angle }, "angle"));
  const curve = curveDrawing();
  const formula = formulaOf();
  const sliders: Record<"angle" | "t" | "b", Slider> = {
    angle: slider("angle", "pair-angle", RANGES.angle, (v) => `${v}°`, (angle) => change({ angle }, "angle")),
    t: slider("temperature t", "pair-t", RANGES.t, (v) => fixed(v, 0), (t) => change({ t }, "t")),
    b: slider("bias b", "pair-b", RANGES.b, (v) => fixed(v, 1), (b) => change({ b }, "b")),
  }; // biome-ignore format: a slider a line
  const matches = html("input", { type: "checkbox", "data-test": "pair-matches" });
  matches.addEventListener("change", () => change({ matches: matches.checked }, "label"));
  const controls = html(
    "div",
    { class: "controls" },
    sliders.angle.element,
    sliders.t.element,
    sliders.b.element,
    html("label", { class: "check" }, matches, "image and text match (z = +1)"),
  );
  root.append(html("div", { class: "row" }, circle.element, curve.element), formula.element, controls);

  function change(part: Partial<PairState>, moved: keyof typeof MOVES): void {
    state = { ...state, ...part };
    link.write(parametersOf(state));
    draw(moved);
  }
  function draw(moved?: keyof typeof MOVES): void {
    for (const key of ["angle", "t", "b"] as const) sliders[key].value = state[key];
    matches.checked = state.matches;
    circle.draw(state);
    curve.draw(state);
    formula.draw(state, moved);
  }
  link.onChange = (parameters) => {
    state = stateOf(parameters);
    draw();
  };
  draw();
}

/** Both embeddings as arrows in a circle; the text's can be dragged. */
function circleDrawing(onAngle: (angle: number) => void) {
  const arrow = svg("path", { class: "arrow text-arrow" });
  const arc = svg("path", { class: "arc" });
  const handle = svg("circle", { class: "handle", r: 11 });
  const label = svg("text", { class: "emphasis" }, "text");
  const title = svg("title");
  const element = svg(
    "svg",
    { viewBox: "-170 -150 340 290", role: "img", class: "circle" },
    title,
    svg("circle", { class: "rule", r: RADIUS }),
    arc,
    svg("path", { class: "arrow image-arrow", d: `M0 0H${RADIUS}` }),
    svg("circle", { class: "image-dot", cx: RADIUS, r: 6 }),
    svg("text", { class: "emphasis", x: RADIUS - 6, y: 24, "text-anchor": "end" }, "image"),
    arrow,
    handle,
    label,
  );
  const follow = (event: PointerEvent): void => {
    const box = element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    onAngle(Math.round((Math.abs(Math.atan2(y, x)) * 180) / Math.PI));
  };
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", follow);
  });
  for (const end of ["pointerup", "pointercancel"] as const)
    handle.addEventListener(end, () => handle.removeEventListener("pointermove", follow));
  return {
    element,
    draw({ angle }: PairState): void {
      const at = (radius: number, degrees = angle): string => {
        const radians = (degrees * Math.PI) / 180;
        return `${radius * Math.cos(radians)} ${-radius * Math.sin(radians)}`;
      };
      set(arrow, { d: `M0 0L${at(RADIUS)}` });
      set(arc, { d: `M40 0A40 40 0 0 0 ${at(40)}` });
      const [x, y] = at(RADIUS).split(" ");
      set(handle, { cx: x, cy: y });
      const [tx, ty] = at(RADIUS + 22).split(" ");
      set(label, { x: tx, y: ty, "text-anchor": angle > 100 ? "end" : angle < 80 ? "start" : "middle" });
      title.textContent = `Image and text as arrows of length 1, ${angle} degrees apart`;
    },
  };
}

/** The loss over the similarity, for a positive and a negative, with the pair as a dot. */
function curveDrawing() {
  const x = scaleLinear([-1, 1], [CURVE.left, CURVE.right]);
  const y = scaleLinear([0, MOST], [CURVE.bottom, CURVE.top]);
  const [own, other, dot, title] = [svg("path", { class: "line s0" }), svg("path", { class: "line faded" }), svg("circle", { class: "dot s0", r: 6 }), svg("title")]; // biome-ignore format: one list
  const axes = [
    ...x.ticks(5).map((tick) => svg("text", { x: x(tick), y: CURVE.bottom + 18, "text-anchor": "middle" }, fixed(tick, 1))),
    ...y.ticks(5).flatMap((tick) => [
      svg("path", { class: "grid", d: `M${CURVE.left} ${y(tick)}H${CURVE.right}` }),
      svg("text", { x: CURVE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)),
    ]),
    svg("text", { x: CURVE.right, y: CURVE.bottom + 36, "text-anchor": "end" }, "similarity s"),
    svg("text", { x: CURVE.left - 34, y: CURVE.bottom + 36 }, "loss of the pair"),
  ]; // biome-ignore format: an axis a line
  const element = svg(
    "svg",
    { viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, role: "img", class: "curve" },
    title,
    ...axes,
    other,
    own,
    dot,
  );
  const samples = Array.from({ length: 201 }, (_, i) => i / 100 - 1);
  const path = (state: PairState, matches: boolean): string => {
    const points = samples.map((s): [number, number] => {
      const angle = (Math.acos(s) * 180) / Math.PI;
      return [x(s), y(Math.min(MOST, pairOf({ ...state, angle, matches }).loss))];
    });
    return line()(points) as string;
  };
  return {
    element,
    draw(state: PairState): void {
      const { similarity, loss } = pairOf(state);
      set(own, { d: path(state, state.matches) });
      set(other, { d: path(state, !state.matches) });
      set(dot, { cx: x(similarity), cy: y(Math.min(MOST, loss)) });
      title.textContent = `The loss of a ${state.matches ? "matching" : "non-matching"} pair over its similarity: ${precise(loss)} at ${fixed(similarity)}`;
    },
  };
}

/** The formula in numbers, with the terms that move marked. */
function formulaOf() {
  const term = (name: string): HTMLElement =>
    html("span", { class: "term", "data-term": name, "data-test": `pair-${name}` });
  const terms = Object.fromEntries(["s", "t", "b", "z", "logit", "p", "loss", "g"].map((name) => [name, term(name)]));
  const { s, t, b, z, logit, p, loss, g } = terms;
  const rows: [string, ...(string | HTMLElement)[]][] = [
    ["logit", "ℓ = t·s + b = ", t, " · ", s, " + ", b, " = ", logit],
    ["probability", "p = σ(ℓ) = ", p],
    ["loss", "−log σ(z·ℓ), z = ", z, ": ", loss],
    ["gradient", "∂loss/∂ℓ = −z·σ(−z·ℓ) = ", g],
  ];
  const element = html("dl", { class: "formula" }, ...rows.flatMap(([name, ...parts]) => [html("dt", {}, name), html("dd", {}, ...parts)])); // biome-ignore format: one list
  return {
    element,
    draw(state: PairState, moved?: keyof typeof MOVES): void {
      const { label, similarity, logit, probability, loss, gradient } = pairOf(state);
      const shown: Record<string, string> = {
        s: fixed(similarity, 3),
        t: fixed(state.t, 0),
        b: state.b < 0 ? `(${fixed(state.b, 1)})` : fixed(state.b, 1),
        z: label === 1 ? "+1" : "−1",
        logit: fixed(logit, 3),
        p: precise(probability),
        loss: precise(loss),
        g: precise(gradient),
      };
      const moving: readonly string[] = moved === undefined ? [] : [...MOVES[moved], "g"];
      for (const [name, node] of Object.entries(terms)) {
        node.textContent = shown[name];
        node.classList.toggle("moves", moving.includes(name));
      }
    },
  };
}
