/**
 * Counter-based random numbers: the n-th number of a key is a pure function of (key, n).
 *
 * A key is split by name, so a number never depends on what else was drawn: `new Rng(7).split("init").split("text")`
 * always gives the same sequence.
 *
 * Generator: Philox 4×32 with 10 rounds, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */

import { cosSin, log } from "./portable.ts";

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9; // golden ratio
const W1 = 0xbb67ae85; // √3 − 1

/** Upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = a0 * b0;
  const mid = a1 * b0 + (low >>> 16);
  const mid2 = a0 * b1 + (mid & 0xffff);
  return (a1 * b1 + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** Four 32-bit words for (counter, key), written to `out`. */
export function philox(counter: readonly number[], key0: number, key1: number, out: Uint32Array): void {
  let c0 = counter[0] >>> 0;
  let c1 = counter[1] >>> 0;
  let c2 = counter[2] >>> 0;
  let c3 = counter[3] >>> 0;
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, c0);
    const l0 = Math.imul(M0, c0) >>> 0;
    const h1 = mulHigh(M1, c2);
    const l1 = Math.imul(M1, c2) >>> 0;
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A generator of random numbers; splits are independent of what was drawn before. */
export class Rng {
  readonly #key0: number;
  readonly #key1: number;
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;
  #spare = Number.NaN;

  /** A generator for a seed: any safe integer of at least 0. */
  constructor(seed: number, key1?: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Rng: seed ${seed} is not an integer in 0..2^53−1`);
    }
    this.#key0 = seed >>> 0;
    this.#key1 = key1 ?? Math.floor(seed / 2 ** 32);
  }

  /** An independent generator for `name`; the same name always gives the same one, and the state of this one does not change. */
  split(name: string | number): Rng {
    const text = typeof name === "number" ? `#${name}` : name;
    const out = new Uint32Array(4);
    let key0 = this.#key0;
    let key1 = this.#key1;
    // Sponge over the characters, three at a time; the length closes it, so that no name is a prefix of another.
    for (let i = 0; i <= text.length; i += 3) {
      const at = (j: number) => (i + j < text.length ? text.charCodeAt(i + j) + 1 : 0);
      philox([at(0), at(1), at(2), text.length + 0x51a9], key0, key1, out);
      key0 = out[0];
      key1 = out[1];
    }
    return new Rng(key0, key1);
  }

  /** The next 32 random bits, unsigned. */
  bits(): number {
    if (this.#used === 4) {
      philox([this.#block >>> 0, Math.floor(this.#block / 2 ** 32), 0, 0], this.#key0, this.#key1, this.#words);
      this.#block++;
      this.#used = 0;
    }
    return this.#words[this.#used++];
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.bits() >>> 5;
    const low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Uniform integer in 0..n−1, without bias, by rejection. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) throw new RangeError(`Rng.integer: ${n} is not in 1..2^32`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    let x = this.bits();
    while (x >= limit) x = this.bits();
    return x % n;
  }

  /** Standard normal, Box–Muller. */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value;
    }
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    const { cos, sin } = cosSin(this.uniform());
    this.#spare = radius * sin;
    return radius * cos;
  }

  /** Standard normal truncated at ±`bound`, by rejection. */
  truncatedNormal(bound = 2): number {
    let x = this.normal();
    while (Math.abs(x) > bound) x = this.normal();
    return x;
  }

  /** A random order of 0..n−1 (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
    return order;
  }
}
