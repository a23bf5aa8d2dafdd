/**
 * SentencePiece's replacements of characters (precompiled_charsmap), such as nmt_nfkc.
 *
 *   bytes of the trie (uint32), the trie, the replacements, each with a NUL at its end
 *
 * The trie is a double array of 32-bit units (Darts-clone): a node is an index, its child by byte c is the unit at
 * node ⊕ offset ⊕ c if that unit has the label c, and if bit 8 of a unit is set, the unit at its offset holds the value, where
 * the replacement begins. Sources: google/sentencepiece src/normalizer.cc, s-yata/darts-clone.
 */
import { TokenizerError } from "./tokenizer.ts";

/** The replacement of the bytes up to `end`. */
export interface Replaced {
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** Finds what to replace. */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;

  /** Throws `TokenizerError` if the parts do not fit into the bytes. */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const size = blob.length < 4 ? -1 : view.getUint32(0, true);
    if (size < 4 || size % 4 !== 0 || size > blob.length - 5 || blob[blob.length - 1] !== 0) {
      throw new TokenizerError(
        `precompiled_charsmap: ${blob.length} bytes, expected the size of a trie, the trie, and texts with a NUL at the end`,
      );
    }
    this.#units = new Uint32Array(size / 4);
    for (let i = 0; i < this.#units.length; i++) this.#units[i] = view.getUint32(4 + 4 * i, true);
    this.#texts = blob.subarray(4 + size);
  }

  /** The replacement of the longest (or shortest) match at `at` that ends by `limit`. */
  match(
    bytes: Uint8Array,
    at: number,
    limit = bytes.length,
    which: "longest" | "shortest" = "longest",
  ): Replaced | undefined {
    const units = this.#units;
    let node = offsetOf(units[0]);
    let found: { end: number; value: number } | undefined;
    for (let end = at + 1; end <= limit; end++) {
      const byte = bytes[end - 1];
      node = (node ^ byte) >>> 0;
      // Outside of the trie of a damaged file: no match.
      if (node >= units.length || (units[node] & 0x800000ff) >>> 0 !== byte) break;
      const unit = units[node];
      node = (node ^ offsetOf(unit)) >>> 0;
      if (((unit >>> 8) & 1) === 1 && node < units.length) {
        found = { end, value: units[node] & 0x7fffffff };
        if (which === "shortest") break;
      }
    }
    if (found === undefined || found.value >= this.#texts.length) return undefined;
    return { end: found.end, bytes: this.#texts.subarray(found.value, this.#texts.indexOf(0, found.value)) };
  }
}

const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
