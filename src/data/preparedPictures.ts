/**
 * A cache of prepared pictures that grows: a file of records of one size, each found by the SHA-256 of the image that it was made of.
 *
 *   SHA-256 of the image file, 32 bytes   SHA-256 of the pixels, 32 bytes   the pixels
 *
 * Records are only appended, so that what a killed process has decoded is kept. A record that was cut short or damaged is not used:
 * its picture is decoded again. Two processes may append at once; a picture may then be there twice.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const HASH = 32;
const HEAD = 2 * HASH;

const hashOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** A cache file, open until `close`. */
export class PreparedPictures {
  readonly #file: number;
  readonly #record: number;
  /** Position of the record of each image. */
  readonly #at = new Map<string, number>();

  /** Opens or makes the file of pictures of `size` bytes. Throws what the file system throws. */
  constructor(path: string, size: number) {
    this.#record = HEAD + size;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, "a+");
    this.#index();
  }

  /** Appends a picture. Throws what the file system throws. */
  add(sha256: string, pixels: Uint8Array): void {
    writeSync(this.#file, Buffer.concat([Buffer.from(sha256, "hex"), hashOf(pixels), pixels]));
  }

  /** Copies the pixels of a picture that was there when the file was opened; false if it was not, or its record is damaged. */
  copy(sha256: string, out: Uint8Array): boolean {
    const at = this.#at.get(sha256);
    if (at === undefined) return false;
    const record = Buffer.alloc(this.#record);
    readSync(this.#file, record, 0, record.length, at);
    const pixels = record.subarray(HEAD);
    if (!hashOf(pixels).equals(record.subarray(HASH, HEAD))) return false;
    out.set(pixels);
    return true;
  }

  /** Where the pixels of a picture begin that was there when the file was opened. */
  placeOf(sha256: string): number | undefined {
    const at = this.#at.get(sha256);
    return at === undefined ? undefined : at + HEAD;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Finds all records; cuts off what a killed process left of one. */
  #index(): void {
    const { size } = fstatSync(this.#file);
    const end = size - (size % this.#record);
    if (end < size) ftruncateSync(this.#file, end);
    const name = Buffer.alloc(HASH);
    for (let at = 0; at < end; at += this.#record) {
      readSync(this.#file, name, 0, HASH, at);
      this.#at.set(name.toString("hex"), at);
    }
  }
}
