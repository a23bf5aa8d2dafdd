/**
 * npy: one array of NumPy.
 *
 *   6 bytes   \x93NUMPY
 *   2 bytes   version: 1.0, 2.0 or 3.0
 *   2 or 4    length of the header, little-endian (4 from version 2.0)
 *   header    {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   a literal of Python; spaces, a line feed
 *   data      the numbers
 *
 * The header is parsed by a grammar of its own, never evaluated. Numbers are little-endian; big-endian arrays and Python objects are
 * refused. NumPy has no bfloat16: JAX stores it as a void type of two bytes, which is read as BF16.
 *
 * numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { FormatError, quote } from "./formatError.ts";
import {
  ARRAYS,
  MAX_AXES,
  type SafetensorsData,
  type SafetensorsDType,
  type SafetensorsTensor,
} from "./safetensors.ts";

/** Type, shape and place of the numbers of an array. */
export interface NpyHeader {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Whether the first axis varies fastest. */
  readonly fortranOrder: boolean;
  /** Bytes from the start of the array to its numbers. */
  readonly dataBegin: number;
  /** Bytes of the numbers. */
  readonly dataLength: number;
}

const DTYPES: Readonly<Record<string, SafetensorsDType>> = {
  "<f8": "F64",
  "<f4": "F32",
  "<f2": "F16",
  "|V2": "BF16",
  "<V2": "BF16",
  "<i8": "I64",
  "<u8": "U64",
  "<i4": "I32",
  "<u4": "U32",
  "<i2": "I16",
  "<u2": "U16",
  "|i1": "I8",
  "|u1": "U8",
  "|b1": "BOOL",
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Most bytes of a header that is read; NumPy's own limit for untrusted files is lower still. */
const MAX_NPY_HEADER = 65_536;
const PREFIX = 12;

/** Bytes that always suffice to read the header of an array. */
export const NPY_HEAD = PREFIX + MAX_NPY_HEADER;

/** Reads the header of an array that begins at byte `origin` of `file`. Throws `FormatError`. */
export function readNpyHeader(bytes: Uint8Array, file: string, origin = 0): NpyHeader {
  const fail = (
    code: "NPY_MAGIC" | "NPY_VERSION" | "NPY_HEADER" | "NPY_HEADER_TOO_LARGE",
    at: number,
    detail: string,
  ) => new FormatError(code, file, origin + at, detail);
  if (bytes.length < PREFIX - 2 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw fail("NPY_MAGIC", 0, "expected an array of NumPy, which begins with \\x93NUMPY");
  }
  const [major, minor] = [bytes[6], bytes[7]];
  if (major < 1 || major > 3 || minor !== 0) {
    throw fail("NPY_VERSION", 6, `version ${major}.${minor}, expected 1.0, 2.0 or 3.0`);
  }
  const begin = major === 1 ? 10 : 12;
  if (bytes.length < begin) throw fail("NPY_HEADER", 8, "the array ends inside the length of its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_NPY_HEADER) {
    throw fail("NPY_HEADER_TOO_LARGE", 8, `header of ${length} bytes, more than ${MAX_NPY_HEADER}`);
  }
  if (bytes.length < begin + length)
    throw fail("NPY_HEADER", 8, `header of ${length} bytes, of which some are missing`);
  const text = String.fromCharCode(...bytes.subarray(begin, begin + length));
  return { ...parseHeader(text, file, origin + begin), dataBegin: begin + length };
}

const ENTRY = /\s*(?:'(\w*)'|"(\w*)")\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|(\([\s\d,L]*\)))\s*/y;
const TUPLE = /^\(\s*(?:\d+L?\s*,\s*)*(?:\d+L?\s*)?\)$/; // 3L: Python 2

/** Which of the values in `ENTRY` a key may have. */
const KINDS: Readonly<Record<string, readonly number[]>> = { descr: [0, 1], fortran_order: [2], shape: [3] };

/** The values of the dictionary `text`. */
function parseHeader(text: string, file: string, offset: number): Omit<NpyHeader, "dataBegin"> {
  const malformed = (found: string): FormatError =>
    new FormatError(
      "NPY_HEADER",
      file,
      offset,
      `expected {'descr': ..., 'fortran_order': ..., 'shape': ...}, found ${found}`,
    );
  const body = /^\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1];
  if (body === undefined) throw malformed(quote(text));
  const values = new Map<string, string>();
  for (let at = 0; body.slice(at).trim() !== ""; at++) {
    ENTRY.lastIndex = at;
    const found = ENTRY.exec(body);
    if (found === null) throw malformed(quote(body.slice(at)));
    const [, single, double, ...value] = found;
    const key = single ?? double;
    if (values.has(key)) throw malformed(`${quote(key)} twice`);
    const kind = value.findIndex((each) => each !== undefined);
    if (!Object.hasOwn(KINDS, key) || !KINDS[key].includes(kind)) throw malformed(quote(found[0]));
    values.set(key, value[kind]);
    at = ENTRY.lastIndex;
    if (at < body.length && body[at] !== ",") throw malformed(quote(body.slice(at)));
  }
  const [descr, order, tuple] = ["descr", "fortran_order", "shape"].map((key) => values.get(key));
  if (descr === undefined || order === undefined || tuple === undefined) {
    throw malformed(`the keys ${[...values.keys()].map(quote).join(", ")}`);
  }
  if (!Object.hasOwn(DTYPES, descr)) {
    const detail = `type ${quote(descr)}, expected one of ${Object.keys(DTYPES).join(", ")}`;
    throw new FormatError("NPY_DTYPE", file, offset, detail);
  }
  const dtype = DTYPES[descr];
  const shape = shapeOf(tuple);
  const dataLength = shape?.reduce((a, b) => a * b, ARRAYS[dtype].BYTES_PER_ELEMENT);
  if (
    shape === undefined ||
    shape.length > MAX_AXES ||
    !shape.every(Number.isSafeInteger) ||
    !Number.isSafeInteger(dataLength)
  ) {
    throw new FormatError(
      "NPY_SHAPE",
      file,
      offset,
      `shape ${quote(tuple)}, expected a tuple of at most ${MAX_AXES} sizes`,
    );
  }
  return { dtype, shape, fortranOrder: order === "True", dataLength: dataLength! };
}

/** The sizes of a tuple; undefined if it is none: `(3)` is a number in parentheses. */
function shapeOf(tuple: string): number[] | undefined {
  if (!TUPLE.test(tuple) || /^\(\s*\d+L?\s*\)$/.test(tuple)) return undefined;
  return (tuple.match(/\d+/g) ?? []).map(Number);
}

/** The array of a header, with the bytes after it. Throws `FormatError` if they are too few or too many. */
export function npyTensor(header: NpyHeader, data: Uint8Array, file: string, offset = 0): SafetensorsTensor {
  const { dtype, shape, dataLength } = header;
  if (data.length !== dataLength) {
    const detail = `${dtype} [${shape}] takes ${dataLength} bytes, but ${data.length} follow the header`;
    throw new FormatError("NPY_DATA_LENGTH", file, offset, detail);
  }
  const Numbers = ARRAYS[dtype];
  const numbers = new Numbers(new Uint8Array(data).buffer, 0, dataLength / Numbers.BYTES_PER_ELEMENT);
  return { dtype, shape, data: header.fortranOrder ? toRowMajor(numbers, shape) : numbers };
}

/** The numbers of a column-major array in row-major order. */
function toRowMajor<T extends SafetensorsTensor["data"]>(columnMajor: T, shape: readonly number[]): T {
  const out = columnMajor.slice() as T;
  const index = new Array<number>(shape.length).fill(0);
  const steps = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = columnMajor[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      if (++index[axis] < shape[axis]) break;
      from -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/** An array from all its bytes. Throws `FormatError`. */
export function readNpy(bytes: Uint8Array, file: string): SafetensorsTensor {
  const header = readNpyHeader(bytes.subarray(0, NPY_HEAD), file);
  return npyTensor(header, bytes.subarray(header.dataBegin), file, header.dataBegin);
}

/** The header of an array that `np.load` reads, padded to whole 64 bytes as NumPy does. */
export function npyHeader(dtype: SafetensorsDType, shape: readonly number[]): Uint8Array {
  const descr = Object.keys(DTYPES).find((key) => DTYPES[key] === dtype)!;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length).fill(0x20);
  bytes.set([...MAGIC, 1, 0, length & 0xff, length >> 8]);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

/** The bytes of a file with an array in C order. */
export function writeNpy(dtype: SafetensorsDType, shape: readonly number[], data: SafetensorsData): Uint8Array {
  const header = npyHeader(dtype, shape);
  const out = new Uint8Array(header.length + data.byteLength);
  out.set(header);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return out;
}
