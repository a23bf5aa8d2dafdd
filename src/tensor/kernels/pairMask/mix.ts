/**
 * A bijection of 32-bit words in which every bit of the result depends on every bit of the argument: two rounds of a product and
 * a shifted exclusive or, with the constants that Wellons found by search ("lowbias32", github.com/skeeto/hash-prospector).
 */

/** The steps of `mix`: x ← x ⊕ (x ≫ shift), then, where there is a factor, x ← x·factor modulo 2³². */
export const MIX = [[16, 0x7feb352d], [15, 0x846ca68b], [16, undefined]] as const; // biome-ignore format: a step a pair

/** The mixed word, unsigned. */
export function mix(word: number): number {
  let x = word;
  for (const [shift, factor] of MIX) {
    x ^= x >>> shift;
    if (factor !== undefined) x = Math.imul(x, factor);
  }
  return x >>> 0;
}
