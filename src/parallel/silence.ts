/**
 * Measures how long there has been no heartbeat, by regular looks at a number that changes with each one: for the watchdog
 * (watchdog.ts) and for waits (threads.ts).
 *
 * Time between two looks counts only up to a limit: if a look is late, the process was not running, and neither were the
 * threads it watches. The process was stopped, the laptop slept, or the machine was busy.
 */
export class Silence {
  /** Milliseconds that count since the last heartbeat. */
  ms = 0;
  readonly #longest: number;
  #at: number;
  #life: number;

  /** `longest`: most milliseconds that count between two looks; `now` and `life` are the first look. */
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

/** The remedy for work that legitimately sends no heartbeat for longer than the deadline. */
export const ALLOW_MORE = "if its work takes that long, allow more time with --deadline SECONDS";
