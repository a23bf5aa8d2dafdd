/** What every scene of the page provides, and what it gets. */

/** A scene: a folder with its state (`state.ts`), its drawing (`draw.ts`) and its text (`text.html`). */
export interface Scene {
  /** Its address in the page: `#pair`. */
  readonly id: string;
  readonly title: string;
  /** Paragraphs as HTML, shown above the drawing. */
  readonly text: string;
  /** Builds the drawing in `root`, from the state in `link`. */
  mount(root: HTMLElement, link: Link): void;
}

/** The state of a scene in the address of the page: `#pair?angle=60&t=10`. */
export interface Link {
  /** Empty if the address names another scene. */
  readonly parameters: URLSearchParams;
  /** Is called when the address changes to this scene by other means than `write`, such as a link or the back button. */
  onChange: ((parameters: URLSearchParams) => void) | undefined;
  /** Writes the state to the address. */
  write(parameters: Readonly<Record<string, string | number>>): void;
}

/** A number of an address; the initial one if it is absent, no number or out of range. */
export function numberIn(
  parameters: URLSearchParams,
  name: string,
  { initial, min, max, step }: { initial: number; min: number; max: number; step: number },
): number {
  const text = parameters.get(name);
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return value >= min && value <= max ? Number((min + Math.round((value - min) / step) * step).toFixed(6)) : initial;
}
