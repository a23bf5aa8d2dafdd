/**
 * Distances of numbers from exact values, in the unit of a bound.
 *
 * The exact value rounded to f32 has error 0, whatever the unit. A number instead of NaN, NaN instead of a number and a zero of
 * the wrong sign have error ∞. The sign of a zero is checked if the exact value is a zero in f64 as well.
 */

/** The size of a unit at the exact value y of f(x). */
export type Unit = (y: number, x: number) => number;

export interface Bound {
  /** Name in the table, such as "ulp". */
  readonly unit: string;
  readonly sizeOf: Unit;
  /** The largest error allowed, in units. */
  readonly most: number;
  /** Whether a result of 0 is accepted as well. */
  readonly mayBeZero?: (y: number, x: number) => boolean;
}

export interface Worst {
  /** In units. */
  error: number;
  x: number;
  got: number;
  exact: number;
}

export const noError = (): Worst => ({ error: 0, x: Number.NaN, got: Number.NaN, exact: Number.NaN });
export const worse = (a: Worst, b: Worst): Worst => (b.error > a.error ? b : a);

const f64 = new Float64Array(1);
const words = new Uint32Array(f64.buffer);
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0]; // which of the two words holds the exponent
const SPACING = Float64Array.from({ length: 2048 }, (_, exponent) => 2 ** (Math.max(-126, exponent - 1023) - 23));

/** The distance between neighbouring f32 numbers at y; constant below the normal numbers. */
export function ulp(y: number): number {
  f64[0] = y;
  return SPACING[(words[HIGH] >>> 20) & 0x7ff];
}

/** The error in units of the bound. */
export function errorOf(got: number, y: number, x: number, bound: Bound): number {
  if (Number.isNaN(got) && Number.isNaN(y)) return 0;
  if (got === y) return Number.POSITIVE_INFINITY; // equal numbers with different bits: zeros of different sign
  if (got === 0 && bound.mayBeZero?.(y, x)) return 0;
  const error = Math.abs(got - y) / bound.sizeOf(y, x);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length);
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** Updates the worst error by each bound with a block. `rounded` is `exact()` in f32. */
export function measure(
  x: Float32Array,
  got: Float32Array,
  rounded: Float32Array,
  exact: () => Float64Array,
  bounds: readonly Bound[],
  worst: Worst[],
): void {
  if (Buffer.compare(bytesOf(got), bytesOf(rounded)) === 0) return; // most blocks, and much faster than the loop
  const wanted = bitsOf(rounded);
  const bits = bitsOf(got);
  const y = exact();
  for (let i = 0; i < bits.length; i++) {
    if (bits[i] === wanted[i]) continue;
    for (let b = 0; b < bounds.length; b++) {
      const error = errorOf(got[i], y[i], x[i], bounds[b]);
      if (error > worst[b].error) worst[b] = { error, x: x[i], got: got[i], exact: y[i] };
    }
  }
}
