/** Elements, sliders and the theme's numbers, shared by all scenes. */

type Attributes = Readonly<Record<string, string | number | boolean>>;
type Child = Node | string;

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
}

/** An HTML element with attributes and children. */
export function html<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  fill(element, attributes, children);
  return element;
}

/** An SVG element with attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(element, attributes, children);
  return element;
}

/** Sets attributes of an element that exists. */
export const set = (element: Element, attributes: Attributes): void => fill(element, attributes, []);

/** The range of a slider, and where it starts. */
export interface Range {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** A labelled slider that shows its value. */
export interface Slider {
  readonly element: HTMLElement;
  value: number;
}

/** Makes a slider; `test` is its `data-test` name, `show` writes its value. */
export function slider(
  label: string,
  test: string,
  { min, max, step, initial }: Range,
  show: (value: number) => string,
  onInput: (value: number) => void,
): Slider {
  const output = html("output", {}, show(initial));
  const input = html("input", { type: "range", min, max, step, value: initial, "data-test": test });
  const describe = (): void => {
    output.textContent = show(input.valueAsNumber);
    input.setAttribute("aria-valuetext", show(input.valueAsNumber));
  };
  input.addEventListener("input", () => {
    describe();
    onInput(input.valueAsNumber);
  });
  describe();
  return {
    element: html("label", { class: "slider" }, html("span", {}, label), input, output),
    get value() {
      return input.valueAsNumber;
    },
    set value(value) {
      input.value = String(value);
      describe();
    },
  };
}

/** Makes a button. */
export function button(label: string, test: string, onClick: () => void): HTMLButtonElement {
  const element = html("button", { type: "button", "data-test": test }, label);
  element.addEventListener("click", onClick);
  return element;
}

/** A number with so many digits after the point and a real minus sign. */
export const fixed = (value: number, digits = 2): string =>
  value
    .toFixed(digits)
    .replace(/^-(0\.?0*)$/, "$1")
    .replace("-", "−");

/** A probability or a loss with three significant digits. */
export const precise = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential(1).replace(/-/g, "−")
    : Number(value.toPrecision(3)).toString().replace("-", "−");
