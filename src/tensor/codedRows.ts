/**
 * Rows of numbers as 8-bit codes, a quarter of their memory, and bounds of their inner products with a query.
 *
 *   x̂ = a·c     c of 8 bits, a = max|xₖ| / 127
 *   q̂ = e·p     p of 16 bits, e = max|qₖ| / P, with P so small that no ⟨c, p⟩ exceeds 32 bits
 *
 *   ⟨x, q⟩ = ⟨x̂, q̂⟩ + ⟨x − x̂, q̂⟩ + ⟨x, q − q̂⟩ ≤ a·e·⟨c, p⟩ + ‖x − x̂‖·‖q̂‖ + ‖x‖·‖q − q̂‖      (Cauchy–Schwarz)
 *
 * ⟨c, p⟩ is a sum of integers, hence exact and the same on every engine; a and ‖x − x̂‖ are stored with each row, ‖x‖ of the longest.
 * The rest is computed in f64, whose roundings are less than `roundingOf` of ‖x‖·‖q‖.
 */
import { heap, Storage } from "./heap.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError } from "./shape.ts";

const MOST_CODE = 127;
const MOST_QUERY = 32767;
const MOST_SUM = 2 ** 31 - 1;
const MULTIPLE = 32; // codes of a row that the kernel reads together

/** The share of ‖x‖·‖q‖ that roundings in f64 amount to at most: sums of n terms have n·2⁻⁵³ each, and there are four. */
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

/** Rows as codes, whose inner products with a query are bounded at a quarter of the memory traffic of computing them. */
export class CodedRows {
  readonly rows: number;
  readonly cols: number;
  readonly #stride: number; // cols, padded by zeros
  readonly #codes: Storage; // [rows, stride] of 8 bits
  readonly #scales: Float64Array; // a
  readonly #errors: Float64Array; // ‖x − x̂‖
  #longest = 0; // ‖x‖

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
    const codes = new Int8Array(heap.memory.buffer, this.#codes.address, this.rows * this.#stride).fill(0);
    for (let i = 0; i < this.rows; i++) this.#encode(i, values, codes);
  }

  #encode(i: number, values: Float32Array, codes: Int8Array): void {
    const [x, c] = [i * this.cols, i * this.#stride];
    let [most, squares, errors] = [0, 0, 0];
    for (let k = 0; k < this.cols; k++) {
      const size = Math.abs(values[x + k]);
      if (size > most) most = size;
      squares += size * size;
    }
    const a = most / MOST_CODE;
    const inverse = most > 0 ? MOST_CODE / most : 0;
    for (let k = 0; k < this.cols; k++) {
      const value = values[x + k];
      const code = Math.round(value * inverse);
      codes[c + k] = code;
      errors += (value - a * code) ** 2;
    }
    this.#scales[i] = a;
    this.#errors[i] = Math.sqrt(errors);
    const length = Math.sqrt(squares);
    if (length > this.#longest) this.#longest = length; // not NaN: a row with NaN has no bound, others have
  }

  /** Numbers [rows] that no inner product of a row with the query [cols] exceeds; NaN for a row with NaN. Throws `ShapeError` on another length. */
  upperBounds(query: Float32Array): Float64Array {
    if (query.length !== this.cols) {
      throw new ShapeError(`CodedRows: a query of ${query.length} numbers for rows of ${this.cols}`);
    }
    const { e, p, length, codedLength, error } = codedQuery(query, this.#stride);
    const slack = this.#longest * (error + roundingOf(this.cols) * length);
    const products = this.#products(p);
    const bounds = new Float64Array(this.rows);
    for (let i = 0; i < this.rows; i++) {
      bounds[i] = this.#scales[i] * e * products[i] + this.#errors[i] * codedLength + slack;
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
