/**
 * A hash of the bits of numbers, which devices compare instead of the numbers. It is not cryptographic.
 *
 *     lane ← rotl(lane + word · P2, 13) · P1          four lanes, which take turns with the words
 *     hash  = rotl(lane₀, 1) + rotl(lane₁, 7) + rotl(lane₂, 12) + rotl(lane₃, 18) + bytes, then its bits mixed
 *
 * Every step is a bijection of the lane and of the word, so every change of one word changes the hash. A change of several
 * words is missed with probability 2⁻³²; that includes swapped words and a row of flipped signs (without the rotation, two
 * signs would cancel).
 *
 * xxHash32 by Yann Collet, seed 0, for whole words: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

const rotl = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const round = (lane: number, word: number): number => Math.imul(rotl((lane + Math.imul(word, P2)) | 0, 13), P1);

/** The hash of `numbers`, an unsigned 32-bit number. */
export function hashBits(numbers: Float32Array | Float64Array): number {
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.byteLength / 4);
  const { length } = words;
  let hash = P5;
  let i = 0;
  if (length >= 4) {
    let a = (P1 + P2) | 0;
    let b = P2 | 0;
    let c = 0;
    let d = -P1 | 0;
    for (; i + 4 <= length; i += 4) {
      a = round(a, words[i]);
      b = round(b, words[i + 1]);
      c = round(c, words[i + 2]);
      d = round(d, words[i + 3]);
    }
    hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
  }
  hash = (hash + numbers.byteLength) | 0;
  for (; i < length; i++) hash = Math.imul(rotl((hash + Math.imul(words[i], P3)) | 0, 17), P4);
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
