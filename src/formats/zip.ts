/**
 * The directory of a zip file, checked against the headers of its entries.
 *
 *   entry ...         local header, name, extra fields, data
 *   directory         a record for each entry, with its place
 *   [zip64 end, locator]   sizes beyond 32 bits
 *   end               number of entries, place of the directory
 *
 * Stricter than the format allows, because what NumPy writes is simple: no comment, no encryption, no data after an entry, and every
 * byte belongs to exactly one entry, so that no two readers can see different files. Names are keys, never paths.
 *
 * pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import type { ByteSource } from "./byteSource.ts";
import { type FormatCode, FormatError, quote } from "./formatError.ts";

/** An entry: its data are bytes [begin, begin + compressedSize) of the file. */
export interface ZipEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly begin: number;
}

const END = 0x06054b50;
const END_LENGTH = 22;
const LOCATOR = 0x07064b50;
const LOCATOR_LENGTH = 20;
const END64 = 0x06064b50;
const END64_LENGTH = 56;
const RECORD = 0x02014b50;
const RECORD_LENGTH = 46;
const LOCAL = 0x04034b50;
const LOCAL_LENGTH = 30;
const UTF8_FLAG = 0x800;
/** What flags may say: how hard the deflater tried (bits 1 and 2), and that the name is UTF-8. */
const KNOWN_FLAGS = 0x6 | UTF8_FLAG;
/** The most that deflate expands: 258 bytes from 2 bits. */
const MAX_RATIO = 1032;
const MAX_DIRECTORY = 64 * 2 ** 20;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** All entries by name, in the order of the file. Throws `FormatError`. */
export function readZipDirectory(source: ByteSource): Map<string, ZipEntry> {
  const fail = (code: FormatCode, at: number, detail: string) => new FormatError(code, source.name, at, detail);
  const { count, begin, end } = readEnd(source, fail);
  const bytes = source.read(begin, end);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  let expected = 0; // where the next entry must begin
  for (let i = 0; i < count; i++) {
    if (at + RECORD_LENGTH > bytes.length) throw fail("ZIP_CENTRAL", begin + at, `entry ${i} of ${count} is missing`);
    const record = readRecord(bytes, at, (detail) => fail("ZIP_CENTRAL", begin + at, detail));
    checkRecord(record, (code, detail) => fail(code, begin + at, detail));
    if (entries.has(record.name)) throw fail("ZIP_DUPLICATE", begin + at, `${quote(record.name)} occurs twice`);
    if (record.local !== expected) {
      const detail = `${quote(record.name)} begins at byte ${record.local}, expected ${expected}, where the one before it ends`;
      throw fail(record.local < expected ? "ZIP_OVERLAP" : "ZIP_HOLE", begin + at, detail);
    }
    const data = checkLocalHeader(source, record, begin, fail);
    entries.set(record.name, { ...record, begin: data });
    expected = data + record.compressedSize;
    if (expected > begin) throw fail("ZIP_OVERLAP", record.local, `${quote(record.name)} reaches into the directory`);
    at += record.length;
  }
  if (at !== bytes.length)
    throw fail("ZIP_CENTRAL", begin + at, `more than the ${count} entries that the file announces`);
  if (expected !== begin) throw fail("ZIP_HOLE", expected, `${begin - expected} bytes belong to no entry`);
  return entries;
}

type Fail = (code: FormatCode, at: number, detail: string) => FormatError;

/** Number of entries and bytes of the directory. */
function readEnd(source: ByteSource, fail: Fail): { count: number; begin: number; end: number } {
  const at = source.size - END_LENGTH;
  const wrong = (detail: string): FormatError => fail("ZIP_EOCD", Math.max(at, 0), detail);
  if (at < 0) throw wrong(`a file of ${source.size} bytes is not an npz file (a zip file)`);
  const view = viewOf(source.read(at, source.size));
  if (view.getUint32(0, true) !== END || view.getUint16(20, true) !== 0) {
    throw wrong("expected the end of a zip file without a comment; the file is truncated or not npz");
  }
  const short = [view.getUint16(10, true), view.getUint32(12, true), view.getUint32(16, true)];
  let [count, size, begin] = short;
  if (view.getUint32(4, true) !== 0 || view.getUint16(8, true) !== count) {
    throw fail("ZIP_UNSUPPORTED", at, "the file is one part of several");
  }
  let end = at;
  const locator = at - LOCATOR_LENGTH;
  const tail = locator - END64_LENGTH < 0 ? undefined : viewOf(source.read(locator - END64_LENGTH, at));
  if (tail?.getUint32(END64_LENGTH, true) === LOCATOR) {
    end = locator - END64_LENGTH;
    const number = (offset: number): number => Number(tail.getBigUint64(offset, true));
    const whole =
      tail.getUint32(0, true) === END64 && number(4) === END64_LENGTH - 12 && number(END64_LENGTH + 8) === end;
    if (!whole) throw wrong("the zip64 locator does not point to a zip64 end record before it");
    if (number(16) !== 0 || number(24) !== number(32))
      throw fail("ZIP_UNSUPPORTED", end, "the file is one part of several");
    [count, size, begin] = [number(32), number(40), number(48)];
    const differs = (i: number, saturated: number, long: number) => short[i] !== saturated && short[i] !== long;
    if (differs(0, 0xffff, count) || differs(1, 0xffffffff, size) || differs(2, 0xffffffff, begin)) {
      throw wrong("the end record differs from the zip64 end record");
    }
  }
  if (begin + size !== end) throw wrong(`a directory of ${size} bytes at byte ${begin} does not end at byte ${end}`);
  if (size > MAX_DIRECTORY || count * RECORD_LENGTH > size) {
    throw fail(
      "ZIP_CENTRAL",
      begin,
      `a directory of ${size} bytes for ${count} entries; at most ${MAX_DIRECTORY} are read`,
    );
  }
  return { count, begin, end };
}

interface Record extends Omit<ZipEntry, "begin"> {
  readonly flags: number;
  /** Where the local header begins. */
  readonly local: number;
  readonly disk: number;
  readonly nameBytes: Uint8Array;
  /** Bytes of the record. */
  readonly length: number;
}

function readRecord(bytes: Uint8Array, at: number, wrong: (detail: string) => FormatError): Record {
  const view = viewOf(bytes);
  if (view.getUint32(at, true) !== RECORD) throw wrong("expected a record of the directory");
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
  const length = RECORD_LENGTH + nameLength + extraLength + commentLength;
  if (at + length > bytes.length || commentLength > 0)
    throw wrong("a record with a comment, or longer than the directory");
  const nameBegin = at + RECORD_LENGTH;
  const nameBytes = bytes.subarray(nameBegin, nameBegin + nameLength);
  const extra = bytes.subarray(nameBegin + nameLength, nameBegin + nameLength + extraLength);
  const [size, compressedSize, local] = longSizes(
    [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
    extra,
    wrong,
  );
  return {
    name: nameOf(nameBytes, view.getUint16(at + 8, true), wrong),
    nameBytes,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    size,
    compressedSize,
    local,
    disk: view.getUint16(at + 34, true),
    length,
  };
}

function nameOf(bytes: Uint8Array, flags: number, wrong: (detail: string) => FormatError): string {
  if ((flags & UTF8_FLAG) === 0 && bytes.some((byte) => byte >= 0x80))
    throw wrong("a name that is neither ASCII nor UTF-8");
  try {
    return utf8.decode(bytes);
  } catch {
    throw wrong("a name that is not UTF-8");
  }
}

/** Sizes, of which those of 32 ones stand in the zip64 extra field, in this order. */
function longSizes(sizes: readonly number[], extra: Uint8Array, wrong: (detail: string) => FormatError): number[] {
  const view = viewOf(extra);
  let field: DataView | undefined;
  for (let at = 0; at < extra.length; ) {
    const length = at + 4 <= extra.length ? view.getUint16(at + 2, true) : extra.length;
    if (at + 4 + length > extra.length) throw wrong("an extra field longer than the extra fields");
    if (view.getUint16(at, true) === 1) {
      if (field !== undefined) throw wrong("two zip64 extra fields");
      field = viewOf(extra.subarray(at + 4, at + 4 + length));
    }
    at += 4 + length;
  }
  let at = 0;
  return sizes.map((size) => {
    if (size !== 0xffffffff) return size;
    if (field === undefined || at + 8 > field.byteLength)
      throw wrong("a size beyond 32 bits without a zip64 extra field");
    const long = Number(field.getBigUint64(at, true));
    at += 8;
    if (!Number.isSafeInteger(long)) throw wrong(`a size of ${long} bytes`);
    return long;
  });
}

function checkRecord(record: Record, fail: (code: FormatCode, detail: string) => FormatError): void {
  const { name, method, flags, size, compressedSize, disk } = record;
  if (disk !== 0) throw fail("ZIP_UNSUPPORTED", `${quote(name)} is on another disk`);
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw fail("ZIP_UNSUPPORTED", `${quote(name)} is encrypted, or its sizes stand after its data (flags ${flags})`);
  }
  if (method !== 0 && method !== 8) {
    throw fail(
      "ZIP_UNSUPPORTED",
      `${quote(name)} has compression method ${method}, expected stored (0) or deflated (8)`,
    );
  }
  if (method === 0 && size !== compressedSize) {
    throw fail("ZIP_SIZE_MISMATCH", `${quote(name)} is stored, but ${compressedSize} bytes stand for ${size}`);
  }
  if (size > MAX_RATIO * compressedSize) {
    throw fail("ZIP_BOMB", `${quote(name)}: ${compressedSize} bytes cannot expand to ${size}`);
  }
}

/** Returns where the data of an entry begin. Throws `FormatError` if its local header does not say the same as its record. */
function checkLocalHeader(source: ByteSource, record: Record, limit: number, fail: Fail): number {
  const { local, name, nameBytes, flags, method, crc, size, compressedSize } = record;
  const differs = (what: string): FormatError =>
    fail("ZIP_HEADER_MISMATCH", local, `the header of ${quote(name)} and the directory differ: ${what}`);
  if (local + LOCAL_LENGTH > limit) throw differs("place");
  const head = viewOf(source.read(local, local + LOCAL_LENGTH));
  if (head.getUint32(0, true) !== LOCAL) throw differs("no header there");
  const [nameLength, extraLength] = [head.getUint16(26, true), head.getUint16(28, true)];
  const begin = local + LOCAL_LENGTH + nameLength + extraLength;
  if (nameLength !== nameBytes.length || begin > limit) throw differs("name");
  const rest = source.read(local + LOCAL_LENGTH, begin);
  if (nameBytes.some((byte, i) => rest[i] !== byte)) throw differs("name");
  if (head.getUint16(6, true) !== flags) throw differs("flags");
  if (head.getUint16(8, true) !== method) throw differs("method");
  if (head.getUint32(14, true) !== crc) throw differs("CRC");
  const sizes = longSizes([head.getUint32(22, true), head.getUint32(18, true)], rest.subarray(nameLength), differs);
  if (sizes[0] !== size || sizes[1] !== compressedSize) throw differs("sizes");
  return begin;
}
