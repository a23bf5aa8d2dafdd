/** The parts of the ring's view: form and D, devices in a circle, the square of blocks, memory. */
import { html, slider, svg } from "../dom.ts";
import { FORM_NAMES, type Frame, RANGES, type RingState, ROWS } from "./state.ts";

const BOX = { width: 66, height: 44 };
const RADIUS = 128;

/** The choice of the form and of D. */
export function settingsOf(onChange: (part: Partial<RingState>) => void) {
  const form = html("select", { "data-test": "ring-form" }, ...FORM_NAMES.map((name) => html("option", {}, name)));
  form.addEventListener("change", () => onChange({ form: FORM_NAMES[form.selectedIndex], frame: 0 }));
  const devices = slider("devices D", "ring-devices", RANGES.devices, String, (value) => onChange({ devices: value }));
  return {
    form: html("label", { class: "choice" }, "form ", form),
    devices: devices.element,
    show(state: RingState): void {
      form.value = state.form;
      devices.value = state.devices;
    },
  };
}

/** Devices in a circle; texts and gradients move between them. Texts of a colour, gradients as rings round the same colour. */
export function circleOf(size: number) {
  const angle = (rank: number): number => (2 * Math.PI * rank) / Math.max(1, size) - Math.PI / 2;
  const at = (rank: number, radius: number): [number, number] => [
    radius * Math.cos(angle(rank)),
    radius * Math.sin(angle(rank)),
  ];
  const title = svg("title");
  const each = Array.from({ length: size }, (_, rank) => rank);
  const boxes = each.map((rank) => {
    const [x, y] = at(rank, RADIUS);
    return svg(
      "g",
      { transform: `translate(${x} ${y})` },
      svg("rect", { class: "device", x: -BOX.width / 2, y: -BOX.height / 2, width: BOX.width, height: BOX.height, rx: 8 }),
      svg("text", { class: "emphasis", "text-anchor": "middle", y: -2 }, `x${rank}`),
      svg("text", { "text-anchor": "middle", y: 15 }, `device ${rank}`),
    ); // biome-ignore format: a part a line
  });
  const token = (kind: "text" | "gradient", owner: number): SVGGElement => {
    const name = kind === "text" ? `y${owner}` : `∂y${owner}`;
    return svg("g", { class: `token ${kind}-token` }, svg("circle", { r: kind === "text" ? 17 : 16 }), svg("text", { "text-anchor": "middle", y: 5 }, name)); // biome-ignore format: a line
  };
  const texts = each.map((owner) => token("text", owner));
  const gradients = each.map((owner) => token("gradient", owner));
  const element = svg("svg", { viewBox: "-215 -215 430 430", role: "img", class: "ring-circle" }, title, svg("circle", { class: "rule", r: RADIUS }), ...boxes, ...gradients, ...texts); // biome-ignore format: a line
  const move = (moved: SVGGElement, rank: number, radius: number): void => {
    const [x, y] = at(rank, radius);
    moved.style.transform = `translate(${x}px, ${y}px)`;
  };
  return {
    element,
    draw({ devices }: Frame): void {
      for (const gradient of gradients) gradient.style.opacity = "0";
      devices.forEach(({ texts: held, gradient }, rank) => {
        move(texts[held], rank, RADIUS - 58);
        if (!gradient) return;
        gradients[gradient.owner].style.opacity = "1";
        move(gradients[gradient.owner], rank, RADIUS + 62);
      });
      title.textContent = devices.map(({ texts: held, gradient }, rank) => `device ${rank}: images x${rank}, texts y${held}${gradient ? `, gradient of y${gradient.owner}` : ""}`).join("; "); // biome-ignore format: a line
    },
  };
}

const CELL = 40;
const EDGE = 30;

const WIDEST = 380; // pixels of the square, as in style.css

/** The square of blocks: images as rows, texts as columns. */
export function squareOf(size: number) {
  const title = svg("title");
  const label = (name: string, x: number, y: number): SVGElement =>
    svg("text", { x, y, "text-anchor": "middle" }, name);
  const cells = Array.from({ length: size * size }, (_, k) => {
    const [x, y] = [EDGE + (k % size) * CELL, EDGE + Math.floor(k / size) * CELL];
    const area = svg("rect", { x, y, width: CELL - 3, height: CELL - 3, rx: 4 });
    return { area, number: label("", x + CELL / 2 - 1.5, y + CELL / 2 - 1.5) };
  });
  const side = EDGE + Math.max(1, size) * CELL;
  const element = svg(
    "svg",
    { viewBox: `0 0 ${side} ${side}`, role: "img", class: "ring-square" },
    title,
    ...Array.from({ length: size }, (_, i) => label(`y${i}`, EDGE + i * CELL + CELL / 2 - 1.5, 16)),
    ...Array.from({ length: size }, (_, i) => label(`x${i}`, 13, EDGE + i * CELL + CELL / 2 - 1.5)),
    ...cells.flatMap(({ area, number }) => [area, number]),
  );
  element.style.fontSize = `${(14 * side) / WIDEST}px`; // of any square
  return {
    element: html("div", {}, element, html("p", { class: "note" }, "Blocks of 32 × 32 pairs, a device a row. A number is the event in which the loss of the block was computed. A block turns solid when its gradient for the texts is passed on: in the fused form two events after the number, in the chunked form in the backward pass; each device’s own block turns solid in the last event there.")), // biome-ignore format: a line
    draw({ visited, added }: Frame, frame: number): void {
      cells.forEach(({ area, number }, k) => {
        const isNow = visited[k] === frame + 1;
        const state = added[k] ? "sent" : visited[k] > 0 ? "visited" : "empty";
        area.setAttribute("class", `block ${state}${isNow ? " now" : ""}`);
        number.setAttribute("class", state === "sent" ? "on-solid" : "");
        number.textContent = visited[k] > 0 ? String(visited[k]) : "";
      });
      const count = (of: readonly unknown[]): number => of.filter(Boolean).length;
      title.textContent = `${count(visited)} of ${size * size} blocks have their loss, ${count(added)} their gradient`;
    },
  };
}

/** The end of the axis: the dense form with the pairs of eight devices needs 2.65 MB. One axis for all D shows how it grows. */
export const LONGEST = 2.7e6; // bytes

/** Bytes of each device beside one device with the dense form. */
export function memoryBars({ devices }: Frame, dense: number): HTMLElement {
  const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(bytes < 1e5 ? 1 : 0)} kB`;
  const row = (name: string, held: number, most: number): HTMLElement[] => [
    html("dt", {}, name),
    html("dd", {}, bar(held, most), html("span", {}, held === most ? kilobytes(most) : `${kilobytes(held)}, most so far ${kilobytes(most)}`)),
  ]; // biome-ignore format: a part a line
  return html(
    "div",
    {},
    html("h3", {}, "Memory"),
    html(
      "p",
      { class: "note" },
      `The last bar is the dense form, and all bars have one axis for any D: it ends at ${LONGEST / 1e6} MB.`,
    ),
    html(
      "dl",
      { class: "memory", "data-test": "ring-memory" },
      ...devices.flatMap(({ held, most }, rank) => row(`device ${rank}`, held, most)),
      ...row(`one device, all ${ROWS * devices.length} pairs`, dense, dense),
    ),
  );
}

function bar(held: number, most: number): SVGElement {
  const width = (bytes: number): string => `${(100 * bytes) / LONGEST}%`;
  return svg("svg", { class: "memory-bar", "aria-hidden": "true" }, svg("rect", { class: "most", width: width(most), height: 14 }), svg("rect", { class: "bar", width: width(held), height: 14 })); // biome-ignore format: a line
}
