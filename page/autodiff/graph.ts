/** The recorded graph: names above, the value below; values in blue, gradients in orange. */
import { svg } from "../dom.ts";
import type { GraphNode } from "./record.ts";
import { type Frame, layout, namesOfNodes, show } from "./state.ts";

const BOX = { width: 90, height: 60 };
const STEP = { x: 98, y: 92 };
/** No graph is drawn smaller than this; a wider one scrolls. */
const LEAST_SCALE = 0.85;

export function graphOf(nodes: readonly GraphNode[]) {
  const places = layout(nodes);
  const names = namesOfNodes(nodes);
  const x = (i: number): number => places[i].column * STEP.x + BOX.width / 2 + 4;
  const y = (i: number): number => places[i].row * STEP.y + BOX.height / 2 + 4;
  const title = svg("title");
  const edges = nodes.flatMap(({ inputs }, to) =>
    inputs.map((from) => {
      const [begin, end] = [y(from) + BOX.height / 2, y(to) - BOX.height / 2];
      const middle = (begin + end) / 2;
      const path = svg("path", { class: "edge", d: `M${x(from)} ${begin}C${x(from)} ${middle} ${x(to)} ${middle} ${x(to)} ${end}` }); // biome-ignore format: a line
      return { to, from, path };
    }),
  );
  const boxes = nodes.map((node, i) => {
    const box = svg("rect", { x: x(i) - BOX.width / 2, y: y(i) - BOX.height / 2, width: BOX.width, height: BOX.height, rx: node.op ? 8 : 24 }); // biome-ignore format: a line
    const line = (dy: number, kind: string, text = ""): SVGTextElement => svg("text", { x: x(i), y: y(i) + dy, "text-anchor": "middle", class: kind }, text); // biome-ignore format: a line
    const gradient = line(22, "gradient-text");
    const value = node.leaf !== "" && Number(node.leaf) === node.value ? "constant" : show(node.value);
    const group = svg("g", {}, box, line(-12, "emphasis", names[i]), line(6, "value-text", value), gradient);
    return { group, box, gradient };
  });
  const width = Math.max(1, ...places.map(({ column }) => column * STEP.x + BOX.width + 8));
  const height = Math.max(1, ...places.map(({ row }) => row * STEP.y + BOX.height + 8));
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "graph" }, title, ...edges.map(({ path }) => path), ...boxes.map(({ group }) => group)); // biome-ignore format: a line
  element.style.width = `${width}px`;
  element.style.minWidth = `${LEAST_SCALE * width}px`;
  return {
    element,
    draw({ gradients, active }: Frame): void {
      boxes.forEach(({ box, gradient }, i) => {
        const g = gradients[i];
        gradient.textContent = g === undefined ? "" : `∂ ${show(g)}`;
        box.setAttribute("class", `node${nodes[i].op ? "" : " leaf"}${i === active ? " active" : ""}`);
      });
      for (const { to, from, path } of edges)
        path.setAttribute("class", `edge${to === active && gradients[from] !== undefined ? " active" : ""}`);
      const words = nodes.map(({ value }, i) => {
        const g = gradients[i];
        return `${names[i]} ${show(value)}${g === undefined ? "" : `, gradient ${show(g)}`}`;
      });
      title.textContent = words.join("; ");
    },
  };
}
