/** Bytes that are read by position, so that a file of any size is read in pieces. */

/** A file, or bytes in memory. Throws what its medium throws. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * A copy of the bytes [begin, end), 0 ≤ begin ≤ end ≤ size: at the start of `buffer` if it is given, which is then overwritten, else
   * of one of its own.
   */
  read(begin: number, end: number, buffer?: ArrayBuffer): Uint8Array;
}

/** Bytes in memory as a `ByteSource`. */
export const sourceOfBytes = (bytes: Uint8Array, name: string): ByteSource => ({
  name,
  size: bytes.length,
  read(begin, end, buffer = new ArrayBuffer(end - begin)) {
    const copy = new Uint8Array(buffer, 0, end - begin);
    copy.set(bytes.subarray(begin, end));
    return copy;
  },
});
