/**
 * SentencePiece's normalization of a text, in UTF-8: replaces characters, removes extra spaces, puts a space in front, and writes
 * spaces as "▁". Symbols that a model keeps whole are not touched. Source: google/sentencepiece, src/normalizer.cc.
 */
import type { NormalizerSpec } from "../formats/index.ts";
import { ByteBuffer } from "./byteBuffer.ts";
import type { ByteTrie } from "./byteTrie.ts";
import { Charsmap } from "./charsmap.ts";
import { characterLength } from "./unigram.ts";

/** Normalizes UTF-8; `isStart` says whether nothing precedes it: only there spaces are removed, or put in front. */
export type Normalize = (text: Uint8Array, isStart: boolean) => Uint8Array;

const SPACE = Uint8Array.of(0x20);
const MARK = new TextEncoder().encode("▁");

/** The normalization of a model. `symbols` are kept whole. Throws `TokenizerError` for a damaged charsmap. */
export function normalizerOf(spec: NormalizerSpec, symbols: ByteTrie): Normalize {
  const charsmap = spec.charsmap.length > 0 ? new Charsmap(spec.charsmap) : undefined;
  const space = spec.escapeWhitespaces ? MARK : SPACE;
  /** What stands for the bytes at `at`. */
  const next = (text: Uint8Array, at: number): { readonly end: number; readonly bytes: Uint8Array } => {
    const end = symbols.longest(text, at)?.end;
    if (end !== undefined) return { end, bytes: text.subarray(at, end) };
    const one = at + characterLength(text[at]);
    return charsmap?.match(text, at) ?? { end: one, bytes: text.subarray(at, one) };
  };
  return (text, isStart) => {
    const out = new ByteBuffer();
    const removes = spec.removeExtraWhitespaces;
    let isAfterSpace = removes && isStart;
    let hasBegun = !isStart;
    for (let at = 0; at < text.length; ) {
      const { end, bytes } = next(text, at);
      at = end;
      if (removes && !hasBegun && isSpace(bytes)) continue;
      if (!hasBegun && spec.addDummyPrefix) out.push(space);
      hasBegun = true;
      let start = 0;
      while (isAfterSpace && bytes[start] === 0x20) start++;
      if (start === bytes.length) continue;
      for (let i = start; i < bytes.length; i++) out.push(bytes[i] === 0x20 ? space : bytes.subarray(i, i + 1));
      isAfterSpace = removes && bytes[bytes.length - 1] === 0x20;
    }
    return removes ? withoutEnding(out.bytes, space) : out.bytes;
  };
}

const isSpace = (bytes: Uint8Array): boolean => bytes.length === 1 && bytes[0] === 0x20;

/** Without any number of `ending` at the end. */
function withoutEnding(bytes: Uint8Array, ending: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end >= ending.length && ending.every((byte, i) => bytes[end - ending.length + i] === byte)) {
    end -= ending.length;
  }
  return bytes.subarray(0, end);
}
