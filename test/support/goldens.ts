/**
 * Golden vectors: results of independent implementations, and the rule for comparing ours.
 *
 *     max |a − golden| ≤ tolerance · s over the finite entries;   entries that are not finite must be equal
 *
 * s = max |golden|, at least `scale` (the size of terms that cancel in the result); 1 where that is below 1e-12.
 *
 * `<name>.json` beside `<name>.safetensors`: u64 length of a JSON header, the header {name: {dtype, shape,
 * data_offsets}}, the bytes. It does not validate, for fixtures only; the strict reader is in src/formats.
 */
import { readFileSync } from "node:fs";
import { type DType, Tensor, tensor } from "../../src/tensor/index.ts";

/** Every parity test runs in both: f64 on the plain loops, f32 on the kernels that are selected. */
export const DTYPES = ["f64", "f32"] as const satisfies readonly DType[];

const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array, BOOL: Uint8Array, U8: Uint8Array } as const;

export interface Golden {
  /** For messages: `torch/ops: add_broadcast/out.y`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

interface Entry {
  readonly dtype: keyof typeof ARRAYS;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

const fixture = (path: string): Buffer => readFileSync(new URL(`../fixtures/${path}`, import.meta.url));

/** The JSON of a fixture, with the type that the caller states. */
export const goldenJson = <T>(name: string): T => JSON.parse(fixture(`${name}.json`).toString());

export class Goldens {
  readonly #name: string;
  readonly #bytes: Buffer;
  readonly #header: Record<string, Entry>;
  readonly #start: number;

  /** `torch/ops`: the file test/fixtures/torch/ops.safetensors. */
  constructor(name: string) {
    this.#name = name;
    this.#bytes = fixture(`${name}.safetensors`);
    const length = Number(this.#bytes.readBigUInt64LE(0));
    this.#header = JSON.parse(this.#bytes.toString("utf8", 8, 8 + length));
    this.#start = 8 + length;
  }

  /** Names that begin with `prefix`, which is removed. */
  names(prefix = ""): string[] {
    return Object.keys(this.#header).flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  }

  has(name: string): boolean {
    return name in this.#header;
  }

  get(name: string): Golden {
    const entry = this.#header[name];
    if (!entry) throw new Error(`golden: ${this.#name} has no ${name}`);
    const [start, end] = entry.data_offsets.map((offset) => this.#start + offset);
    const data = new ARRAYS[entry.dtype](Uint8Array.from(this.#bytes.subarray(start, end)).buffer);
    return { name: `${this.#name}: ${name}`, shape: entry.shape, data };
  }

  /** Numbers in the precision of the file. */
  floats(name: string): Float32Array | Float64Array {
    const { data } = this.get(name);
    if (data instanceof Float32Array || data instanceof Float64Array) return data;
    throw new Error(`golden: ${this.#name}: ${name} holds integers`);
  }

  /** Integers: tokens, ids, 0 or 1. */
  ints(name: string): Int32Array {
    return Int32Array.from(this.get(name).data);
  }

  /** A tensor in the given precision and, optionally, another shape. */
  tensor(name: string, dtype: DType, shape?: readonly number[]): Tensor {
    const golden = this.get(name);
    return tensor(golden.data, shape ?? golden.shape, dtype);
  }
}

export interface Closeness {
  /** Allowed difference, relative to s. */
  readonly tolerance: number;
  /** The least value of s. */
  readonly scale?: number;
}

const withoutOnes = (shape: readonly number[]): string => shape.filter((side) => side !== 1).join(" × ");

/** Fails unless `actual` is as close to `golden` as the rule above asks. Axes of length 1 do not count. */
export function expectClose(actual: Tensor | number, golden: Golden, { tolerance, scale = 0 }: Closeness): void {
  const [shape, data] = actual instanceof Tensor ? [actual.shape, actual.data] : [[], [actual]];
  if (withoutOnes(shape) !== withoutOnes(golden.shape)) {
    throw new Error(`${golden.name}: shape [${shape}] instead of [${golden.shape}]`);
  }
  let largest = scale;
  for (const x of golden.data) if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
  const s = largest < 1e-12 ? 1 : largest;
  let worst = -1;
  let distance = 0;
  for (let i = 0; i < golden.data.length; i++) {
    const [a, b] = [data[i], golden.data[i]];
    const d = Number.isFinite(b) ? Math.abs(a - b) : Object.is(a, b) ? 0 : Number.POSITIVE_INFINITY;
    if (!(d <= distance)) {
      distance = d; // also if ours is NaN
      worst = i;
      if (Number.isNaN(d)) break;
    }
  }
  if (!(distance <= tolerance * s)) {
    throw new Error(
      `${golden.name}: element ${worst} is ${data[worst]} instead of ${golden.data[worst]}: ` +
        `${(distance / s).toPrecision(3)} of ${s.toPrecision(3)}, allowed ${tolerance}`,
    );
  }
}
