/**
 * The members of a tar archive (POSIX ustar and pax, GNU long names): where their bytes are. Nothing is unpacked, and names are only
 * names: no path of an archive reaches the file system.
 *
 *   header, 512 bytes   contents, padded to 512   header   ...   zeros
 *
 * An archive ends at a block of zeros, or where the file ends after a member. What follows the zeros is not read, but reported. A link,
 * a device or a sparse file is reported and skipped.
 */
import type { ByteSource } from "./byteSource.ts";
import { FormatError, quote } from "./formatError.ts";

/** A regular file in an archive: its bytes are [begin, end). */
export interface TarMember {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** A member that is no regular file, or bytes after the end. */
export interface TarSkipped {
  readonly name: string;
  readonly skipped: string;
}

const BLOCK = 512;
/** Most bytes of a pax header or of a long name. */
const MOST_HEADER = 2 ** 20;

/** Kinds of members, by their type flag, that have no contents and are skipped. */
const SKIPPED: Readonly<Record<string, string>> = {
  1: "a hard link",
  2: "a symbolic link",
  3: "a character device",
  4: "a block device",
  6: "a FIFO",
};

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** What a pax header or a long name says about the next member. */
interface Said {
  readonly path?: string | undefined;
  readonly size?: number | undefined;
}

/** The members of an archive, in their order. Throws `FormatError`. */
export function* readTar(source: ByteSource): Generator<TarMember | TarSkipped> {
  const { name: file, size: length } = source;
  let said: Said | undefined;
  for (let at = 0; at < length; ) {
    if (at + BLOCK > length) throw new FormatError("TAR_TRUNCATED", file, at, "the archive ends within a header");
    const block = source.read(at, at + BLOCK);
    if (block.every((byte) => byte === 0)) {
      if (said) throw new FormatError("TAR_TRUNCATED", file, at, "the archive ends before the member of a long name");
      const after = firstNonZero(source, at + BLOCK);
      if (after !== undefined) yield { name: file, skipped: `bytes after the end of the archive, from byte ${after}` };
      return;
    }
    const header = headerOf(block, file, at);
    const begin = at + BLOCK;
    const size = header.type in SKIPPED || header.type === "5" ? 0 : (said?.size ?? header.size);
    if (size > length - begin) {
      const detail = `a member of ${size} bytes, and ${length - begin} are left; the archive was cut short`;
      throw new FormatError("TAR_TRUNCATED", file, at, detail);
    }
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
    const more = saidBy(header, source, begin, size);
    if (more) {
      const [isTwice, code] = [said && header.type !== "g", header.type === "L" ? "TAR_LONGNAME" : "TAR_PAX"] as const;
      if (isTwice) throw new FormatError(code, file, begin - BLOCK, "two headers for one member");
      if (header.type === "x" || header.type === "L") said = more;
      continue;
    }
    const name = said?.path ?? header.name;
    said = undefined;
    if (header.type === "5") continue; // a folder
    const what = SKIPPED[header.type] ?? (/[07\0]/.test(header.type) ? undefined : `of the type ${quote(header.type)}`);
    yield what === undefined ? { name, begin, end: begin + size } : { name, skipped: what };
  }
  if (length === 0) throw new FormatError("TAR_TRUNCATED", file, 0, "the file is empty");
  if (said) throw new FormatError("TAR_TRUNCATED", file, length, "the archive ends before the member of a long name");
}

/** What a header says that is about the next member; undefined if it is a member itself. */
function saidBy({ type }: Header, source: ByteSource, begin: number, size: number): Said | undefined {
  if (!"xgLK".includes(type)) return undefined;
  const [code, what] = "LK".includes(type)
    ? (["TAR_LONGNAME", "a long name"] as const)
    : (["TAR_PAX", "a pax header"] as const);
  if (size > MOST_HEADER) {
    throw new FormatError(code, source.name, begin, `${what} of ${size} bytes; at most ${MOST_HEADER} are read`);
  }
  const bytes = source.read(begin, begin + size);
  if (type === "L") return { path: textOf(bytes) };
  return type === "K" ? {} : paxOf(bytes, source.name, begin);
}

const decoder = new TextDecoder(); // invalid UTF-8 becomes U+FFFD: a name is only a key

/** Text up to the first zero. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function headerOf(block: Uint8Array, file: string, at: number): Header {
  const stored = octal(block.subarray(148, 156));
  let [unsigned, signed] = [0, 0];
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 32 : block[i];
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  if (stored !== unsigned && stored !== signed) {
    throw new FormatError(
      "TAR_CHECKSUM",
      file,
      at,
      "the checksum of a header differs: it is damaged, or this is no tar archive",
    );
  }
  const size = sizeOf(block.subarray(124, 136));
  if (size === undefined)
    throw new FormatError("TAR_SIZE", file, at, "the size of a member is not a number from 0 to 2^53");
  const isUstar = textOf(block.subarray(257, 262)) === "ustar";
  const prefix = isUstar && block[262] === 0 ? textOf(block.subarray(345, 500)) : "";
  const name = textOf(block.subarray(0, 100));
  return { name: prefix === "" ? name : `${prefix}/${name}`, type: String.fromCharCode(block[156]), size };
}

/** A number in octal digits between spaces and zeros; NaN if it is none. */
function octal(bytes: Uint8Array): number {
  const text = String.fromCharCode(...bytes).replace(/^[ \0]+|[ \0]+$/g, "");
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** A size: octal, or base 256 if the first bit is set (GNU); undefined if it is negative or too large. */
function sizeOf(bytes: Uint8Array): number | undefined {
  const size = bytes[0] === 0x80 ? bytes.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0) : octal(bytes);
  return Number.isSafeInteger(size) ? size : undefined;
}

/** The path and size of a pax header: records `length key=value\n`. */
function paxOf(bytes: Uint8Array, file: string, begin: number): Said {
  const said: { path?: string; size?: number } = {};
  const wrong = (at: number, detail: string): FormatError => new FormatError("TAR_PAX", file, begin + at, detail);
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const digits = space < 0 ? "" : String.fromCharCode(...bytes.subarray(at, Math.min(space, at + 16)));
    const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (end <= space + 1 || end > bytes.length) throw wrong(at, "the length of a record is wrong");
    if (bytes[end - 1] !== 10) throw wrong(at, "a record does not end with a line break");
    const record = decoder.decode(bytes.subarray(space + 1, end - 1));
    const equals = record.indexOf("=");
    if (equals < 1) throw wrong(at, "a record without key or =");
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === "path" && value.includes("\0")) throw wrong(at, "a path with a zero in it");
    if (key === "path") said.path = value;
    if (key === "size") {
      if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value)))
        throw wrong(at, `the size is ${quote(value)}`);
      said.size = Number(value);
    }
    at = end;
  }
  return said;
}

function firstNonZero(source: ByteSource, from: number): number | undefined {
  for (let at = from; at < source.size; at += MOST_HEADER) {
    const found = source.read(at, Math.min(source.size, at + MOST_HEADER)).findIndex((byte) => byte !== 0);
    if (found >= 0) return at + found;
  }
  return undefined;
}
