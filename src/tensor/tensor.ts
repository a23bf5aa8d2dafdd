/**
 * Tensor: a shape and contiguous, row-major numbers in the heap of this device. Nothing is recorded here.
 *
 * Models train in f32; f64 is its oracle.
 */
import { BYTES, type DType, heap, LifetimeError, Storage, storages } from "./heap.ts";
import { type Nested, nested, printed } from "./print.ts";
import { checkShape, type Shape, ShapeError, show, sizeOf } from "./shape.ts";

/** Key of the method that Node's `console.log` calls. */
export const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** A shape and its numbers in the heap. Made by `tensor`, `zeros`, ... and operations. */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  readonly storage: Storage;
  /** Bytes from the start of the storage; not 0 for a slice. */
  readonly #offset: number;

  /** Use `tensor`, `zeros`, ... or an operation; this constructor takes a storage that holds enough bytes. */
  constructor(shape: Shape, dtype: DType, storage: Storage, offset = 0) {
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.storage = storage;
    this.#offset = offset;
  }

  /** Address of the first number, in bytes. Throws `LifetimeError` after the memory was freed. */
  get address(): number {
    if (!this.storage.live) {
      throw new LifetimeError(
        `${show(this.shape)} made by ${this.storage.madeBy} is used after its memory was freed; return it from its scope or keep() it`,
      );
    }
    return this.storage.address + this.#offset;
  }

  /** A view of the numbers. It does not keep the tensor alive: copy what must outlive it. */
  get data(): Float32Array | Float64Array {
    const start = this.address / BYTES[this.dtype];
    return heap[this.dtype].subarray(start, start + this.size);
  }

  /** The same numbers under another shape, or a part of them starting at element `start`. Shares memory. */
  view(shape: Shape, start = 0): Tensor {
    const out = new Tensor(shape, this.dtype, this.storage, this.#offset + start * BYTES[this.dtype]);
    if (start + out.size > this.size) {
      throw new ShapeError(`view: ${show(shape)} from element ${start} reaches past the end of ${show(this.shape)}`);
    }
    return out;
  }

  /** The number in a tensor of one element. */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`item: ${show(this.shape)} holds ${this.size} numbers, not one`);
    return this.data[0];
  }

  /** A copy of the numbers outside the heap. */
  toArray(): Float32Array | Float64Array {
    return this.data.slice();
  }

  /** The numbers as nested arrays: `[[1, 2], [3, 4]]`; one number for a scalar. */
  toNested(): Nested {
    return nested(this.shape, this.data);
  }

  /** Shape, type and rounded numbers, long axes abbreviated; also shown by Node's `console.log`. */
  toString(): string {
    if (!this.storage.live) return `tensor ${this.dtype} ${show(this.shape)}, memory freed`;
    return printed("tensor", this.dtype, this.shape, this.data);
  }

  [INSPECT](): string {
    return this.toString();
  }

  [storages](): Iterable<Storage> {
    return [this.storage];
  }
}

/** A tensor with undefined contents; `madeBy` names the operation in messages. Throws `ShapeError` on an unknown dtype. */
export function empty(madeBy: string, shape: Shape, dtype: DType): Tensor {
  const bytes = BYTES[dtype];
  if (bytes === undefined) {
    throw new ShapeError(`${madeBy}: ${JSON.stringify(dtype)} is not a dtype; use ${Object.keys(BYTES).join(" or ")}`);
  }
  return new Tensor(shape, dtype, new Storage(madeBy, sizeOf(shape) * bytes));
}

/**
 * A tensor with a copy of `values`, row-major. Throws `ShapeError` when their count is not the shape's size, or when they are
 * not a flat list of numbers.
 */
export function tensor(values: ArrayLike<number>, shape: Shape, dtype: DType = "f32"): Tensor {
  checkShape("tensor", shape);
  if (typeof values?.length !== "number") {
    throw new ShapeError(`tensor: the numbers must be an array, not ${JSON.stringify(values) ?? "left out"}`);
  }
  if (Array.isArray(values)) requireNumbers(values);
  if (values.length !== sizeOf(shape)) {
    throw new ShapeError(`tensor: ${values.length} numbers for ${show(shape)}, which holds ${sizeOf(shape)}`);
  }
  const out = empty("tensor", shape, dtype);
  out.data.set(values);
  return out;
}

/** Throws `ShapeError` for anything that is not a tensor, such as a nested array; `shape` is an example for the message. */
export function requireTensor(op: string, x: unknown, shape: Shape = [2, 3]): void {
  if (x instanceof Tensor) return;
  throw new ShapeError(
    `${op}: an argument is not a tensor; tensor(values, ${show(shape)}) makes one of that shape, with all values in one array`,
  );
}

/** Rejects entries that are not numbers; the heap would convert them silently, [1] to 1 and others to NaN. */
function requireNumbers(values: readonly unknown[]): void {
  const at = values.findIndex((value) => typeof value !== "number");
  if (at < 0) return;
  if (Array.isArray(values[at])) {
    throw new ShapeError(`tensor: entry ${at} is an array; give all numbers in one, such as values.flat(Infinity)`);
  }
  throw new ShapeError(`tensor: entry ${at} is ${String(values[at])}, not a number`);
}

/** A tensor filled with `value`. */
export function full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
  checkShape("full", shape);
  const out = empty("full", shape, dtype);
  out.data.fill(value);
  return out;
}

/** A tensor of zeros. */
export const zeros = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 0, dtype);
/** A tensor of ones. */
export const ones = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 1, dtype);
/** A tensor of shape [] that holds `value`. */
export const scalar = (value: number, dtype: DType = "f32"): Tensor => full([], value, dtype);

/** The identity matrix [n, n]. */
export function eye(n: number, dtype: DType = "f32"): Tensor {
  const out = zeros([n, n], dtype);
  const data = out.data;
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return out;
}

/** A tensor filled by calling `draw` once per element, in order: `generate([2, 3], () => rng.normal())`. */
export function generate(shape: Shape, draw: (index: number) => number, dtype: DType = "f32"): Tensor {
  checkShape("generate", shape);
  const out = empty("generate", shape, dtype);
  const data = out.data;
  for (let i = 0; i < out.size; i++) data[i] = draw(i);
  return out;
}
