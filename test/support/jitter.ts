/** Disturbs the threads' protocol from outside: every access to shared words may sleep first; wake-ups may be lost. */
import { Rng } from "../../src/tensor/index.ts";

const { load, store, notify, wait } = Atomics;
const nothing = new Int32Array(new SharedArrayBuffer(4));

export const sleep = (ms: number): void => {
  wait(nothing, 0, 0, ms);
};

export interface Disturbance {
  /** Longest sleep before and after every access of a rank to shared words, in ms. */
  readonly jitter?: number;
  /** Wake-ups are lost: a sleeping rank continues when its slice of sleep ends. */
  readonly deaf?: boolean;
}

/** Disturbs this thread from now on. */
export function disturb({ jitter = 0, deaf = false }: Disturbance, seed: number): void {
  const rng = new Rng(seed).split("jitter");
  const maybe = (): void => {
    if (jitter > 0 && rng.uniform() < 0.3) sleep(rng.between(0, jitter));
  };
  Object.assign(Atomics, {
    load(words: Int32Array, at: number) {
      maybe();
      return load(words, at);
    },
    store(words: Int32Array, at: number, value: number) {
      maybe();
      const stored = store(words, at, value);
      maybe();
      return stored;
    },
    notify(words: Int32Array, at: number) {
      maybe();
      return deaf ? 0 : notify(words, at);
    },
  });
}
