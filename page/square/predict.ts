/** Guess first, then see: the loss of a batch at the start for three biases. */
import { scaleLog } from "d3-scale";
import { button, html, set, svg } from "../dom.ts";
import { blindLoss, GUESSED, QUESTIONS } from "./state.ts";

const WIDTH = 400;
const BAR = 26;
const x = scaleLog([0.5, 2000], [170, WIDTH - 60]).clamp(true);

/** The guesses, one question after the other. */
export function prediction(): HTMLElement {
  let asked = 0;
  const guess = html("input", { type: "number", min: 0, step: "any", id: "guess", "data-test": "square-guess" });
  const ask = html("label", { for: "guess" });
  const show = button("Show", "square-reveal", reveal);
  const form = html("form", { class: "buttons" }, ask, guess, show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    reveal();
  });
  const answer = html("p", { role: "status", "data-test": "square-answer" });
  const title = svg("title");
  const bars = svg("svg", { role: "img", class: "bars" }, title);
  const note = html("p", { class: "note" }, "The axis is logarithmic; a mark is your guess.");
  const results = html("div", { hidden: true }, bars, note);
  const element = html("div", { class: "predict" }, form, answer, results);

  const wording = (): void => {
    const question = QUESTIONS[asked];
    form.hidden = question === undefined;
    if (question) ask.textContent = `Loss of ${GUESSED} pairs at the start with ${question.name}?`;
  };
  function reveal(): void {
    const { b, name, why } = QUESTIONS[asked];
    const loss = blindLoss(GUESSED, b);
    const guessed = guess.value === "" ? undefined : guess.valueAsNumber;
    const place = asked++;
    const own = guessed === undefined ? "" : ` You guessed ${guessed}.`;
    answer.textContent = `${name}: the loss is ${loss.toPrecision(3)}.${own} ${why}`;
    bars.append(...bar(place, name, loss, guessed));
    set(bars, { viewBox: `0 0 ${WIDTH} ${asked * (BAR + 10)}` });
    results.hidden = false;
    title.textContent = QUESTIONS.slice(0, asked).map((each) => `${each.name}: ${blindLoss(GUESSED, each.b).toPrecision(3)}`).join(", "); // biome-ignore format: a line
    guess.value = "";
    wording();
    if (!form.hidden) guess.focus({ preventScroll: true });
  }
  wording();
  return element;
}

/** An answer as a bar on a logarithmic axis, and the guess as a mark on it. */
function bar(place: number, name: string, loss: number, guessed: number | undefined): SVGElement[] {
  const top = place * (BAR + 10) + 4;
  const parts: SVGElement[] = [
    svg("text", { x: 160, y: top + 18, "text-anchor": "end" }, name),
    svg("rect", { x: x(0.5), y: top, width: x(loss) - x(0.5), height: BAR, rx: 3, class: "bar" }),
    svg("text", { x: x(loss) + 6, y: top + 18, class: "emphasis" }, loss.toPrecision(3)),
  ];
  if (guessed !== undefined && guessed > 0) {
    const at = x(guessed);
    parts.push(
      svg("path", { d: `M${at} ${top - 3}v${BAR + 6}`, class: "guess" }, svg("title", {}, `your guess: ${guessed}`)),
    );
  }
  return parts;
}
