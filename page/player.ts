/** Play, step and back through a number of frames; the slider moves by arrow keys. */
import { button, slider } from "./dom.ts";

const EVERY_MS = 1100;

/** Makes the controls of a scene; `what` is the name of a frame, `onFrame` gets the number of the frame to show. */
export function playerOf(scene: string, what: string, onFrame: (frame: number) => void) {
  let [frame, count] = [0, 1];
  let timer: ReturnType<typeof setInterval> | undefined;
  const go = (to: number): void => onFrame(Math.min(count - 1, Math.max(0, to)));
  const pause = (): void => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
  };
  const run = (): void => {
    play.textContent = "Pause";
    timer = setInterval(() => (frame === count - 1 ? pause() : go(frame + 1)), EVERY_MS);
    go(frame === count - 1 ? 0 : frame + 1);
  };
  const play = button("Play", `${scene}-play`, () => (timer === undefined ? run() : pause()));
  play.className = "main";
  const by = (label: string, test: string, step: number): HTMLButtonElement =>
    button(label, `${scene}-${test}`, () => {
      pause();
      go(frame + step);
    });
  const [back, step] = [by("Back", "back", -1), by("Step", "step", 1)];
  const place = slider(what, `${scene}-frame`, { initial: 0, min: 0, max: 0, step: 1 }, (at) => `${at + 1} / ${count}`, (to) => {
    pause();
    go(to);
  }); // biome-ignore format: one call
  const input = place.element.querySelector("input") as HTMLInputElement;
  return {
    buttons: [play, back, step],
    element: place.element,
    pause,
    get isPlaying(): boolean {
      return timer !== undefined;
    },
    show(at: number, of: number): void {
      [frame, count] = [at, of];
      input.max = String(of - 1);
      place.value = at;
      back.disabled = at === 0;
      step.disabled = at === of - 1;
      if (at === of - 1 && timer !== undefined) pause();
    },
  };
}

export type Player = ReturnType<typeof playerOf>;
