/**
 * Structured damage to a small file of each format: fields set to telling numbers, pieces moved, doubled, removed. Each file is read
 * in full or refused with an error of its reader's own classes; no other exception, and no memory by an unchecked number.
 *
 * `npm run test:mutations` makes a million files instead of 50,000.
 */
import { expect, it } from "vitest";
import { FormatError } from "../../src/formats/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { isTyped, SLOW, SMALL_FILES } from "../support/smallFiles.ts";

const COUNT = Number(process.env.MUTATIONS ?? 50_000);
const NAMES = Object.keys(SMALL_FILES);
/** Of slow formats a tenth as many. */
const EACH = COUNT / (NAMES.length - 0.9 * SLOW.length);

const TELLING = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A damaged copy: one to three of the changes above. */
function mutated(good: Uint8Array, rng: Rng): Uint8Array {
  let bytes = Uint8Array.from(good);
  for (let left = 1 + rng.integer(3); left > 0 && bytes.length > 0; left--) {
    const at = rng.integer(bytes.length);
    const kind = rng.integer(4);
    if (kind === 0) bytes[at] = rng.integer(256);
    else if (kind === 1) {
      const value = rng.integer(2) === 0 ? TELLING[rng.integer(TELLING.length)] : good.length + rng.integer(5) - 2;
      const width = [1, 2, 4, 8][rng.integer(4)];
      for (let i = 0; i < width && at + i < bytes.length; i++) bytes[at + i] = Math.floor(value / 256 ** i) % 256;
    } else {
      const from = rng.integer(bytes.length);
      const piece = kind === 2 ? bytes.slice(from, from + 1 + rng.integer(40)) : new Uint8Array(0);
      const removed = kind === 3 || rng.integer(2) === 0 ? 1 + rng.integer(40) : 0;
      bytes = Uint8Array.from(Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + removed)]));
    }
  }
  return bytes;
}

it.each(NAMES)("a damaged %s file is read or refused with a typed error", { timeout: 1_200_000 }, (name) => {
  const { good, read } = SMALL_FILES[name]();
  read(good);
  const rng = new Rng(0).split(name);
  const codes = new Set<string>();
  for (let i = 0; i < (SLOW.includes(name) ? EACH / 10 : EACH); i++) {
    const bytes = mutated(good, rng);
    try {
      read(bytes);
    } catch (error) {
      if (!isTyped(error) || (error as Error).message.length > 500) throw error;
      codes.add(error instanceof FormatError ? error.code : (error as Error).name);
    }
  }
  expect(codes.size).toBeGreaterThan(2); // the damage is found in more than one way
});
