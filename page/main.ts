/** The page: builds every scene in order, and keeps the address in step with the scene that was last touched. */
import { autodiff } from "./autodiff/draw.ts";
import { faults } from "./faults/draw.ts";
import { isolate } from "./isolation.ts";
import { pair } from "./pair/draw.ts";
import { ring } from "./ring/draw.ts";
import type { Link, Scene } from "./scene.ts";
import { softmax } from "./softmax/draw.ts";
import { square } from "./square/draw.ts";
import "./theme.css";
import { train } from "./train/draw.ts";

const SCENES: readonly Scene[] = [pair, square, softmax, ring, autodiff, train, faults];

const main = document.querySelector("main") as HTMLElement;
const nav = document.querySelector("nav") as HTMLElement;

/** The scene that the address names, and its state. */
function address(): { id: string; parameters: URLSearchParams } {
  const [id, query = ""] = location.hash.slice(1).split("?");
  return { id, parameters: new URLSearchParams(query) };
}

const links = new Map<string, Link>();
for (const [number, { id, title, text, mount }] of SCENES.entries()) {
  const section = document.createElement("section");
  section.id = id;
  section.setAttribute("aria-labelledby", `${id}-title`);
  section.innerHTML = `<h2 id="${id}-title"><a href="#${id}">${number + 1}. ${title}</a></h2><div class="text">${text}</div>`;
  const figure = document.createElement("div");
  figure.className = "figure";
  section.append(figure);
  main.append(section);
  const anchor = document.createElement("a");
  anchor.href = `#${id}`;
  anchor.textContent = title;
  nav.append(anchor);
  const now = address();
  const link: Link = {
    parameters: now.id === id ? now.parameters : new URLSearchParams(),
    onChange: undefined,
    write: (state) => {
      const query = new URLSearchParams(Object.entries(state).map(([key, value]) => [key, String(value)]));
      history.replaceState(null, "", `#${id}?${query}`);
    },
  };
  links.set(id, link);
  mount(figure, link);
}

function show(): void {
  const { id } = address();
  if (links.has(id)) document.getElementById(id)?.scrollIntoView();
}
addEventListener("hashchange", () => {
  const { id, parameters } = address();
  show();
  if (parameters.size > 0) links.get(id)?.onChange?.(parameters);
});
show();
void isolate();
