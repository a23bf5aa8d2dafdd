/**
 * How long nothing has given a sign of life, told from looks at a number that moves with every one.
 *
 * Time that passes between two looks counts only up to a limit: whoever looks regularly and comes late was not running, nor
 * were those it looks at. The process was stopped, the laptop slept, or the machine had more important work.
 */
export class Silence {
  /** Milliseconds since the last sign of life, as far as they count. */
  ms = 0;
  readonly #longest: number;
  #at: number;
  #life: number;

  /** `longest`: milliseconds that count at most between two looks; `now` and `life` are the first look. */
  constructor(longest: number, now: number, life: number) {
    this.#longest = longest;
    this.#at = now;
    this.#life = life;
  }

  /** Another look; returns `ms`. */
  look(now: number, life: number): number {
    this.ms = life === this.#life ? this.ms + Math.min(now - this.#at, this.#longest) : 0;
    this.#at = now;
    this.#life = life;
    return this.ms;
  }
}

/** What to do about honest work that is silent for longer than the deadline. */
export const ALLOW_MORE = "if its work takes that long, allow more time with --deadline SECONDS";
