/**
 * Every cut and every flipped bit of a small file of each format: an error of the reader's own classes, or a value that is right.
 *
 * Right is: the same bits of all numbers, but for a flipped bit that is one of theirs, which no format without checksums can tell;
 * for settings, values in their ranges. Of the configurations, which stand beside a model on the disk, each ninth bit is flipped;
 * with `npm run test:mutations` every one.
 */
import { describe, expect, it } from "vitest";
import { isTyped, SLOW, SMALL_FILES, type SmallFile } from "../support/smallFiles.ts";

/** What the reader makes of the bytes; undefined if it refuses them. */
function readOrRefused({ read }: SmallFile, bytes: Uint8Array): string | undefined {
  try {
    return read(bytes);
  } catch (error) {
    if (!isTyped(error) || (error as Error).message.length > 500) throw error;
    return undefined;
  }
}

/** How many bits differ in two strings of hexadecimal digits; all of them if their lengths do. */
function bitsBetween(a: string, b: string): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let bits = 0;
  for (let i = 0; i < a.length; i++) {
    for (let left = Number(`0x${a[i]}`) ^ Number(`0x${b[i]}`); left > 0; left &= left - 1) bits++;
  }
  return bits;
}

const IS_LONG = process.env.MUTATIONS !== undefined;
/** Formats whose numbers carry no checksum. */
const UNCHECKED = ["safetensors", "npy"];
/** Protocol Buffers have no end: a file cut between two fields is a shorter one. */
const WITHOUT_END = ["SentencePiece"];

describe.each(Object.keys(SMALL_FILES).filter((name) => !name.endsWith("of NumPy")))("a small %s file", (name) => {
  it("that is cut anywhere is refused, but a SentencePiece model between two fields", { timeout: 60_000 }, () => {
    const file = SMALL_FILES[name]();
    const whole = file.read(file.good);
    for (let length = 0; length < file.good.length; length++) {
      const value = readOrRefused(file, file.good.subarray(0, length));
      if (value !== undefined) expect([WITHOUT_END.includes(name), value], `${length} bytes`).toEqual([true, whole]);
    }
  });

  it("with any bit flipped is refused or right", { timeout: 600_000 }, () => {
    const file = SMALL_FILES[name]();
    const whole = file.read(file.good);
    let refused = 0;
    const step = SLOW.includes(name) && !IS_LONG ? 9 : 1;
    for (let bit = 0; bit < 8 * file.good.length; bit += step) {
      const bytes = file.good.slice();
      bytes[bit >> 3] ^= 1 << (bit & 7);
      const value = readOrRefused(file, bytes);
      if (value === undefined) refused++;
      else if (value !== whole) {
        const bits = UNCHECKED.includes(name) ? bitsBetween(value, whole) : Number.POSITIVE_INFINITY;
        expect(bits, `bit ${bit & 7} of byte ${bit >> 3}`).toBe(1);
      }
    }
    expect(step * refused).toBeGreaterThan(file.good.length); // of eight bits in each byte
  });
});
