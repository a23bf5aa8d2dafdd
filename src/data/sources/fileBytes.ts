/** A file as bytes by position: it is opened for every read, so that a data set of many files holds none open. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type ByteSource, FormatError, sourceOfBytes } from "../../formats/index.ts";

/** Most bytes that are read at once or unpacked from gzip. */
const MOST_BYTES = 2 ** 30;

/** A regular file. `name` is for people. Throws `FormatError`. */
export function fileBytes(path: string, name: string): ByteSource {
  const found = statSync(path);
  if (!found.isFile()) throw new FormatError("NOT_A_REGULAR_FILE", name, 0, "expected a regular file");
  const { size } = found;
  return {
    name,
    size,
    read(begin, end) {
      const bytes = new Uint8Array(end - begin);
      const file = openSync(path, "r");
      try {
        for (let at = 0; at < bytes.length; ) {
          const read = readSync(file, bytes, at, bytes.length - at, begin + at);
          if (read === 0) throw new FormatError("FILE_CHANGED", name, begin + at, "the file became shorter");
          at += read;
        }
      } finally {
        closeSync(file);
      }
      return bytes;
    },
  };
}

/** All bytes of a file that is not too large. Throws `FormatError`. */
export function allBytes({ name, size, read }: ByteSource): Uint8Array {
  if (size <= MOST_BYTES) return read(0, size);
  throw new FormatError("TABLE_TOO_LARGE", name, 0, `${size} bytes; at most ${MOST_BYTES} are read: split it`);
}

/** The contents of a gzip file, in memory. Throws `FormatError` if it is damaged or too large. */
export function gunzipped(source: ByteSource): ByteSource {
  const { name } = source;
  try {
    return sourceOfBytes(gunzipSync(allBytes(source), { maxOutputLength: MOST_BYTES }), name);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const isLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const detail = isLarge ? `more than ${MOST_BYTES} bytes when unpacked; unpack it first` : "damaged or cut short";
    throw new FormatError("TAR_GZIP", name, 0, detail);
  }
}
