/** A field for words, and the pictures of the unseen style that fit them. */
import { loadAtlas } from "./atlas/load.ts";
import { html } from "./dom.ts";
import { pictureUrl } from "./heat.ts";

/** The style that training never sees. */
export const UNSEEN = 3;

/** A picture, and how well it fits. */
export interface Result {
  /** Its number in the atlas. */
  readonly item: number;
  readonly note: string;
}

/** Makes a search; its `data-test` names begin with `name`. */
export function searchOf(name: string, onSearch: (words: string) => void) {
  const input = html("input", {
    type: "search",
    maxlength: 100,
    placeholder: "brown bear",
    "data-test": `${name}-input`,
  });
  const results = html("ol", { class: "results", "aria-live": "polite" });
  input.addEventListener("input", () => onSearch(input.value.trim().toLowerCase()));
  let shown = "";
  const draw = (words: string, found: readonly Result[]): void => {
    if (document.activeElement !== input) input.value = words;
    const now = words === "" ? [] : found;
    const key = JSON.stringify(now);
    if (key === shown) return;
    shown = key;
    void loadAtlas().then((atlas) => {
      if (key !== shown) return; // a later search was drawn meanwhile
      results.replaceChildren(
        ...now.map(({ item, note }) => {
          const picture = html("img", { src: pictureUrl(atlas, UNSEEN, item), alt: "", width: 48, height: 48, class: "pixels" });
          return html("li", { "data-test": `${name}-result` }, picture, html("span", {}, atlas.names[item]), html("span", { class: "note" }, note));
        }),
      ); // biome-ignore format: a result a line
    });
  };
  return {
    element: html("div", { class: "search" }, html("label", { class: "choice" }, "words", input), results),
    input,
    draw,
  };
}
