/**
 * The memory of one device: a single WebAssembly.Memory that tensors live in, so that kernels reach every number.
 *
 * Blocks come in size classes (four to an octave) and go back to a free list of their class: a training step asks for the
 * same classes as the step before it, so after a few steps nothing new is allocated.
 *
 * Lifetimes. Tensors allocated inside `scope(() => ...)` are freed when it ends, except those returned or kept. A storage that
 * a recorded graph still needs (`holds` > 0) moves to the enclosing scope. Outside scopes the garbage collector decides.
 */

import { adviseHugePages } from "./hugePages.ts";

/** Type of a tensor's numbers. */
export type DType = "f32" | "f64";
/** Bytes of a number. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f64: 8 };

/** A tensor was used after its memory was freed. */
export class LifetimeError extends Error {
  override readonly name = "LifetimeError";
}

/** The heap of this device is full: an allocation would exceed its maximum size. */
export class OutOfMemoryError extends Error {
  override readonly name = "OutOfMemoryError";
}

/** The heap of this device could grow, but the system provides no memory or address space. */
export class SystemMemoryError extends Error {
  override readonly name = "SystemMemoryError";
}

const PAGE = 65536; // bytes, fixed by WebAssembly
const FIRST_PAGES = 32; // 2 MiB: a huge page
const ALIGNMENT = 64; // bytes: a cache line, and two 256-bit vectors
const MAX_PAGES = 65536; // the limit of 32-bit addresses

/** The most bytes that a heap can hold: 4 GiB. */
export const HEAP_BYTES = MAX_PAGES * PAGE;

/** Bytes of the size class that holds `bytes`: 64·k up to 256, then powers of two in quarters. */
export function sizeClass(bytes: number): number {
  if (bytes <= 4 * ALIGNMENT) return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  const quarter = 2 ** (29 - Math.clz32(bytes - 1)); // of the octave that ends at or after `bytes`
  return Math.ceil(bytes / quarter) * quarter;
}

/** A block allocator on one WebAssembly memory; each device has one, `heap`. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Whether the system took the advice to use huge pages. */
  readonly hugePages: boolean;
  /** Views of the whole heap. Growing replaces them: read them at each use, never store one. */
  f32: Float32Array;
  f64: Float64Array;
  bytes: Uint8Array;
  /** Fill freed memory with NaN, so that tests notice reads of it. */
  poison = false;
  liveBlocks = 0;
  liveBytes = 0;
  /** The most bytes that were in use at once; may be reset. */
  peakBytes = 0;
  /** Called at every allocation, and by long loops without one, so that waiting threads see progress. */
  onWork: (() => void) | undefined;
  #top = ALIGNMENT; // address 0 stays free: it means "none" to kernels
  readonly #free = new Map<number, number[]>();

  constructor() {
    // Shared, so that growing never detaches a view and other threads can read it.
    this.memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: MAX_PAGES, shared: true });
    this.hugePages = adviseHugePages(this.memory, HEAP_BYTES);
    this.f32 = new Float32Array(this.memory.buffer);
    this.f64 = new Float64Array(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
  }

  /** Bytes ever taken from the memory: live blocks and free lists. */
  get reservedBytes(): number {
    return this.#top;
  }

  /** Address of a block of at least `bytes` bytes, 64-byte aligned, contents undefined. */
  allocate(bytes: number): number {
    const size = sizeClass(bytes);
    const address = this.#free.get(size)?.pop() ?? this.#extend(size);
    this.liveBlocks++;
    this.liveBytes += size;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
    this.onWork?.();
    return address;
  }

  release(address: number, bytes: number): void {
    const size = sizeClass(bytes);
    this.liveBlocks--;
    this.liveBytes -= size;
    if (this.poison) this.bytes.fill(0xff, address, address + size); // all ones is a NaN in f32 and in f64
    let list = this.#free.get(size);
    if (!list) {
      list = [];
      this.#free.set(size, list);
    }
    list.push(address);
  }

  #extend(size: number): number {
    const address = this.#top;
    if (address + size > this.f32.byteLength) this.#grow(address + size);
    this.#top = address + size;
    return address;
  }

  #grow(end: number): void {
    const have = this.f32.byteLength / PAGE;
    const need = Math.ceil(end / PAGE);
    const wanted = Math.min(MAX_PAGES, Math.max(need, have + Math.min(have, 1024)));
    const mib = (n: number) => `${(n / 2 ** 20).toFixed(0)} MiB`;
    const more = `${mib(end - this.#top)} more`;
    if (need > MAX_PAGES) {
      throw new OutOfMemoryError(
        `heap: ${more} do not fit beside ${mib(this.liveBytes)} in use; split the batch into more shards, or reduce the batch or the model`,
      );
    }
    try {
      this.memory.grow(wanted - have);
    } catch (cause) {
      throw new SystemMemoryError(
        `heap: the system cannot provide ${more} beside ${mib(this.liveBytes)} in use; free memory, or use fewer devices or a smaller batch`,
        { cause },
      );
    }
    this.f32 = new Float32Array(this.memory.buffer);
    this.f64 = new Float64Array(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
  }
}

/** The heap of this device; every thread has its own. */
export const heap = new Heap();

const collected = new FinalizationRegistry<{ address: number; bytes: number; live: boolean }>((block) => {
  if (block.live) heap.release(block.address, block.bytes);
});

/** One block of the heap; tensors that share data (reshape, leading slices) share it. */
export class Storage {
  /** Recorded operations that still need these numbers. */
  holds = 0;
  readonly #block: { address: number; bytes: number; live: boolean };
  #escaped = false;
  /** The operation that allocated it, for messages. */
  readonly madeBy: string;

  constructor(madeBy: string, bytes: number) {
    this.madeBy = madeBy;
    this.#block = { address: heap.allocate(bytes), bytes, live: true };
    const scope = scopes.at(-1);
    if (scope) scope.push(this);
    else this.escape();
  }

  get live(): boolean {
    return this.#block.live;
  }
  get address(): number {
    return this.#block.address;
  }
  get bytes(): number {
    return this.#block.bytes;
  }
  get escaped(): boolean {
    return this.#escaped;
  }

  /** Leaves all scopes: from now on the garbage collector decides. */
  escape(): void {
    if (this.#escaped) return;
    this.#escaped = true;
    collected.register(this, this.#block);
  }

  /** Frees the memory now. */
  free(): void {
    if (!this.#block.live) return;
    this.#block.live = false;
    heap.release(this.#block.address, this.#block.bytes);
  }
}

const scopes: Storage[][] = [];

/** Key of the method by which an object lists its storages, so that scopes find them. */
export const storages: unique symbol = Symbol("storages");

function visit(value: unknown, found: Set<Storage>): void {
  if (value === null || typeof value !== "object") return;
  if (storages in value) {
    for (const storage of (value as { [storages](): Iterable<Storage> })[storages]()) found.add(storage);
  } else if (Array.isArray(value)) {
    for (const entry of value) visit(entry, found);
  } else if (value instanceof Map) {
    for (const entry of value.values()) visit(entry, found);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const entry of Object.values(value)) visit(entry, found);
  }
}

/** Every storage in a tensor, a variable, or arrays, maps and plain objects of them. */
export function storagesIn(value: unknown): Set<Storage> {
  const found = new Set<Storage>();
  visit(value, found);
  return found;
}

function close(made: Storage[], survivors: Set<Storage>): void {
  const around = scopes.at(-1);
  for (const storage of made) {
    if (!storage.live || storage.escaped) continue;
    if (!survivors.has(storage) && storage.holds === 0) storage.free();
    else if (around) around.push(storage);
    else storage.escape();
  }
}

/**
 * Runs `body`; tensors allocated in it are freed at its end, except those in its result and those kept.
 * Throws `LifetimeError` if the body is asynchronous.
 */
export function scope<T>(body: () => T): T {
  const made: Storage[] = [];
  scopes.push(made);
  let result: T;
  try {
    result = body();
  } catch (error) {
    scopes.pop();
    for (const storage of made) if (!storage.escaped) storage.free();
    throw error;
  }
  scopes.pop();
  close(made, storagesIn(result));
  if (result instanceof Promise) {
    throw new LifetimeError("scope: the body is asynchronous; a scope ends when its function returns");
  }
  return result;
}

/** Lets the tensors of a value outlive all enclosing scopes; returns the value. */
export function keep<T>(value: T): T {
  for (const storage of storagesIn(value)) storage.escape();
  return value;
}

/** Runs `body` and returns its result and the storages that it allocated and did not free; they stay in the enclosing scope. */
export function collect<T>(body: () => T): { result: T; made: Storage[] } {
  const made: Storage[] = [];
  scopes.push(made);
  try {
    const result = body();
    return { result, made };
  } finally {
    scopes.pop();
    const around = scopes.at(-1);
    for (const storage of made) {
      if (!storage.live || storage.escaped) continue;
      if (around) around.push(storage);
      else storage.escape();
    }
  }
}
