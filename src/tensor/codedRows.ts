/**
 * Rows of numbers as 8-bit codes, a quarter of their memory, and bounds of their inner products with a query.
 *
 *   x = m + y    m is about the mean of all rows: embeddings have some numbers that are large in every row
 *   ŷ = a·c      c of 8 bits, a = max|yₖ| / 127
 *   q̂ = e·p      p of 16 bits, e = max|qₖ| / P, with P so small that no ⟨c, p⟩ exceeds 32 bits
 *
 *   ⟨x, q⟩ = ⟨m, q⟩ + ⟨ŷ, q̂⟩ + ⟨y − ŷ, q̂⟩ + ⟨y, q − q̂⟩
 *          ≤ ⟨m, q⟩ + a·e·⟨c, p⟩ + ‖y − ŷ‖·‖q̂‖ + ‖y‖·‖q − q̂‖      (Cauchy–Schwarz)
 *
 * ⟨c, p⟩ is a sum of integers, hence exact and the same on every engine; a and ‖y − ŷ‖ are stored with each row, ‖y‖ of the longest.
 * The rest is computed in f64, whose roundings are less than `roundingOf` of (‖m‖ + ‖y‖)·‖q‖.
 */
import { heap, Storage, scope } from "./heap.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError } from "./shape.ts";
import { empty, tensor, zeros } from "./tensor.ts";

const MOST_CODE = 127;
const MOST_QUERY = 32767;
const MOST_SUM = 2 ** 31 - 1;
const MULTIPLE = 32; // codes of a row that the kernel reads together
const AT_ONCE = 256; // rows
const SAMPLE = 1000; // rows whose mean is m

/** The share of (‖m‖ + ‖y‖)·‖q‖ that roundings in f64 amount to at most: sums of n terms have n·2⁻⁵³ each, and there are four. */
const roundingOf = (cols: number): number => (cols + 8) * 2 ** -50;

/** A query as integers, and the lengths in the bound. */
interface CodedQuery {
  readonly p: Int16Array; // [stride]
  readonly e: number;
  readonly length: number; // ‖q‖
  readonly codedLength: number; // ‖q̂‖
  readonly error: number; // ‖q − q̂‖
}

function codedQuery(query: Float32Array, stride: number): CodedQuery {
  const P = Math.min(MOST_QUERY, Math.floor(MOST_SUM / (MOST_CODE * query.length)));
  const most = query.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
  const [e, inverse] = most > 0 ? [most / P, P / most] : [0, 0];
  const p = new Int16Array(stride);
  let [squares, coded, errors] = [0, 0, 0];
  query.forEach((value, k) => {
    p[k] = Math.round(value * inverse);
    squares += value * value;
    coded += (e * p[k]) ** 2;
    errors += (value - e * p[k]) ** 2;
  });
  return { p, e, length: Math.sqrt(squares), codedLength: Math.sqrt(coded), error: Math.sqrt(errors) };
}

/** The mean of rows that are spread evenly over all, padded by zeros; 0 where it is not finite. */
function centreOf(values: Float32Array, rows: number, cols: number, stride: number): Float32Array {
  const step = Math.ceil(rows / SAMPLE) || 1;
  const sums = new Float64Array(stride);
  for (let i = 0; i < rows; i += step) for (let k = 0; k < cols; k++) sums[k] += values[i * cols + k];
  const count = Math.ceil(rows / step) || 1;
  return Float32Array.from(sums, (sum) => (Number.isFinite(sum) ? sum / count : 0));
}

/** Rows as codes, whose inner products with a query are bounded at a quarter of the memory traffic of computing them. */
export class CodedRows {
  readonly rows: number;
  readonly cols: number;
  readonly #stride: number; // cols, padded by zeros
  readonly #codes: Storage; // [rows, stride] of 8 bits
  readonly #scales: Float64Array; // a
  readonly #errors: Float64Array; // ‖y − ŷ‖
  readonly #centre: Float32Array; // m, padded by zeros
  readonly #centreLength: number; // ‖m‖
  #longest = 0; // ‖y‖

  /** Codes of the rows `values` [rows, cols], which are not kept. Throws `ShapeError` if they are no whole rows. */
  constructor(values: Float32Array, cols: number) {
    if (!(cols >= 1) || values.length % cols !== 0) {
      throw new ShapeError(`CodedRows: ${values.length} numbers are no whole rows of ${cols}`);
    }
    this.rows = values.length / cols;
    this.cols = cols;
    this.#stride = Math.ceil(cols / MULTIPLE) * MULTIPLE;
    this.#codes = new Storage("CodedRows", this.rows * this.#stride);
    this.#codes.escape();
    this.#scales = new Float64Array(this.rows);
    this.#errors = new Float64Array(this.rows);
    this.#centre = centreOf(values, this.rows, cols, this.#stride);
    this.#centreLength = Math.hypot(...this.#centre);
    this.#encode(values);
  }

  /** Encodes some rows at a time, which stay in the cache. */
  #encode(values: Float32Array): void {
    const { rows, cols } = this;
    const stride = this.#stride;
    scope(() => {
      const x = zeros([AT_ONCE, stride]);
      const centre = tensor(this.#centre, [stride]);
      const [scale, error, length] = [0, 1, 2].map(() => empty("CodedRows", [AT_ONCE], "f64"));
      for (let from = 0; from < rows; from += AT_ONCE) {
        const count = Math.min(AT_ONCE, rows - from);
        const part = values.subarray(from * cols, (from + count) * cols);
        if (stride === cols) x.data.set(part);
        else for (let i = 0; i < count; i++) x.data.set(part.subarray(i * cols, (i + 1) * cols), i * stride);
        const codes = this.#codes.address + from * stride;
        const numbers = [scale.address, error.address, length.address] as const;
        kernelsFor("f32").encodeRows(count, stride, x.address, centre.address, codes, ...numbers);
        this.#scales.set(scale.data.subarray(0, count), from);
        this.#errors.set(error.data.subarray(0, count), from);
        // Not NaN: a row with NaN has no bound, others have.
        for (const each of length.data.subarray(0, count)) if (each > this.#longest) this.#longest = each;
      }
    });
  }

  /** Numbers [rows] that no inner product of a row with the query [cols] exceeds; NaN for a row with NaN. Throws `ShapeError` on another length. */
  upperBounds(query: Float32Array): Float64Array {
    if (query.length !== this.cols) {
      throw new ShapeError(`CodedRows: a query of ${query.length} numbers for rows of ${this.cols}`);
    }
    const { e, p, length, codedLength, error } = codedQuery(query, this.#stride);
    const inCentre = query.reduce((sum, q, k) => sum + q * this.#centre[k], 0);
    const rounding = roundingOf(this.cols) * (this.#centreLength + this.#longest) * length;
    const added = inCentre + this.#longest * error + rounding;
    const products = this.#products(p);
    const bounds = new Float64Array(this.rows);
    for (let i = 0; i < this.rows; i++) {
      bounds[i] = this.#scales[i] * e * products[i] + this.#errors[i] * codedLength + added;
    }
    return bounds;
  }

  /** ⟨c, p⟩ of every row. */
  #products(p: Int16Array): Int32Array {
    const [query, out] = [new Storage("CodedRows", p.byteLength), new Storage("CodedRows", 4 * this.rows)];
    try {
      new Int16Array(heap.memory.buffer, query.address, p.length).set(p);
      kernelsFor("f32").dotCodes(this.rows, this.#stride, this.#codes.address, query.address, out.address);
      return new Int32Array(heap.memory.buffer, out.address, this.rows).slice();
    } finally {
      query.free();
      out.free();
    }
  }
}
