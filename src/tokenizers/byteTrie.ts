/**
 * A trie of byte strings with a number at each, in typed arrays: finding the strings that begin at a byte takes one probe of a hash
 * table per byte, and 250,000 pieces take 40 MB.
 */

import { TokenizerError } from "./tokenizer.ts";

/** Maps byte strings to numbers. */
export class ByteTrie {
  /** Open addressing: node·256 + byte + 1 (0 is free) and the child node. */
  readonly #keys: Uint32Array;
  readonly #children: Uint32Array;
  readonly #values: Int32Array;
  readonly #shift: number;
  #nodes = 1;

  /** From distinct byte strings. Throws `TokenizerError` if they have more than 2²³ bytes together. */
  constructor(entries: Iterable<readonly [Uint8Array, number]>) {
    const list = [...entries];
    const bytes = list.reduce((sum, [key]) => sum + key.length, 1);
    if (bytes > 2 ** 23) throw new TokenizerError(`the pieces have ${bytes} bytes, at most ${2 ** 23} are allowed`);
    const bits = Math.max(4, Math.ceil(Math.log2(bytes)) + 1);
    this.#shift = 32 - bits;
    this.#keys = new Uint32Array(2 ** bits);
    this.#children = new Uint32Array(2 ** bits);
    this.#values = new Int32Array(bytes).fill(-1);
    for (const [key, value] of list) {
      let node = 0;
      for (const byte of key) {
        const slot = this.#slot(node, byte);
        if (this.#keys[slot] === 0) {
          this.#keys[slot] = node * 256 + byte + 1;
          this.#children[slot] = this.#nodes++;
        }
        node = this.#children[slot];
      }
      this.#values[node] = value;
    }
  }

  /** The node of an empty string. */
  static readonly ROOT = 0;

  /** The node one byte further, or −1 if no string continues so. */
  child(node: number, byte: number): number {
    const slot = this.#slot(node, byte);
    return this.#keys[slot] === 0 ? -1 : this.#children[slot];
  }

  /** The number of the string that ends at a node, or −1. */
  value(node: number): number {
    return this.#values[node];
  }

  /** The longest string at `at`: its number and its end, or undefined. */
  longest(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined {
    let found: { value: number; end: number } | undefined;
    let node = this.child(ByteTrie.ROOT, bytes[at]);
    for (let end = at + 1; node >= 0; end++) {
      if (this.#values[node] >= 0) found = { value: this.#values[node], end };
      if (end === bytes.length) break;
      node = this.child(node, bytes[end]);
    }
    return found;
  }

  /** Where a child is, or the free slot where it would be. */
  #slot(node: number, byte: number): number {
    const key = node * 256 + byte + 1;
    const last = this.#keys.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift; // 2³² / golden ratio
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & last;
    return slot;
  }
}
