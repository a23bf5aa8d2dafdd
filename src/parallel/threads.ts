/**
 * Devices as threads of one process: what they share is memory.
 *
 * Each device's heap is a shared WebAssembly.Memory that every other device has a window on, so a message is read where its
 * sender made it: one copy, no mailbox to fill. What goes through the control block is who has got how far:
 *
 *   [abort] then, for every rank: [posted, done, heartbeat, step, op, dtype, address, axes, shape...]
 *
 * Only the rank itself writes its row. A wait spins briefly, then sleeps on the counter it waits for; every wait has a
 * deadline, and a message that does not describe the same operation on the same shape as one's own is refused before it is
 * read.
 */
import { type DType, empty, type Shape, show, sizeOf, type Tensor } from "../tensor/index.ts";
import { type Communicator, treeSum } from "./communicator.ts";
import { AbortedError, DeadlineError, DesyncError } from "./errors.ts";
import { allPartners, exchange, type Partners, ringPartners } from "./exchange.ts";

const OPS = ["nothing yet", "shift +1", "shift −1", "allGather", "broadcast", "barrier"] as const;
type OpName = (typeof OPS)[number];
const DTYPES = ["f32", "f64"] as const;

const MAX_AXES = 8;
const ABORT = 0;
const HEADER = 16; // words before the first row: a cache line, so that rows do not share one with the abort flag
const POSTED = 0;
const DONE = 1;
const HEARTBEAT = 2;
const STEP = 3;
const OP = 4;
const DTYPE = 5;
const ADDRESS = 6;
const AXES = 7;
const SHAPE = 8;
const ROW = 32; // words: two cache lines a rank

const SPIN_MS = 0.05;
/** A sleep is cut into slices: a process that was stopped and continued has then lost one slice, not its deadline. */
const SLICE_MS = 100;

/** The control block of a world of `size` devices. */
export const controlBlock = (size: number): SharedArrayBuffer => new SharedArrayBuffer(4 * (HEADER + ROW * size));

/** What one device has said last, for messages and for the watchdog. */
export interface DeviceState {
  readonly heartbeat: number;
  readonly step: number;
  readonly message: number;
  readonly op: OpName;
}

export class Control {
  readonly words: Int32Array;

  constructor(block: SharedArrayBuffer) {
    this.words = new Int32Array(block);
  }

  at(rank: number, word: number): number {
    return HEADER + ROW * rank + word;
  }

  state(rank: number): DeviceState {
    const read = (word: number) => Atomics.load(this.words, this.at(rank, word));
    return { heartbeat: read(HEARTBEAT), step: read(STEP), message: read(POSTED), op: OPS[read(OP)] };
  }

  get aborted(): boolean {
    return Atomics.load(this.words, ABORT) !== 0;
  }

  /** Wakes every rank that waits; each of them throws `AbortedError`. */
  abort(): void {
    Atomics.store(this.words, ABORT, 1);
    for (let word = 0; word < this.words.length; word++) Atomics.notify(this.words, word);
  }
}

export interface ThreadWorld {
  readonly rank: number;
  readonly size: number;
  readonly control: Control;
  /** The heap of every device, by rank. */
  readonly memories: readonly WebAssembly.Memory[];
  /** Longest wait for another rank, in ms. */
  readonly deadline: number;
}

/** A description of a message: what must agree between sender and reader, and where it lies. */
interface Message {
  readonly op: OpName;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly address: number;
}

const describe = ({ op, dtype, shape }: Message): string => `${op} of ${dtype} ${show(shape)}`;

export class ThreadCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly #world: ThreadWorld;
  readonly #words: Int32Array;
  #message = 0;
  /** Told of every buffer before something is received into it: tests fill it with NaN. */
  onReceive: ((into: Tensor) => void) | undefined;
  /** Bytes read from other devices. */
  bytesReceived = 0;

  constructor(world: ThreadWorld) {
    this.rank = world.rank;
    this.size = world.size;
    this.#world = world;
    this.#words = world.control.words;
  }

  shift(x: Tensor, by: 1 | -1): Tensor {
    const out = this.#buffer(x.shape, x.dtype);
    const partners = ringPartners(this.rank, this.size, by);
    this.#exchange(by === 1 ? "shift +1" : "shift −1", x, partners, (_, read) => read(out, 0));
    return out;
  }

  allGather(x: Tensor): Tensor {
    const out = this.#buffer([this.size, ...x.shape], x.dtype);
    out.data.set(x.data, this.rank * x.size);
    this.#exchange("allGather", x, allPartners(this.rank, this.size), (rank, read) => read(out, rank * x.size));
    return out;
  }

  allReduce(x: Tensor): Tensor {
    return treeSum(this.allGather(x));
  }

  broadcast(x: Tensor, root: number): Tensor {
    const out = this.#buffer(x.shape, x.dtype);
    if (this.rank === root) out.data.set(x.data);
    // Everybody with everybody, so that ranks that disagree on the operation are found out, whoever the root is.
    this.#exchange("broadcast", x, allPartners(this.rank, this.size), (rank, read) => {
      if (rank === root) read(out, 0);
    });
    return out;
  }

  barrier(): void {
    const nothing = empty("barrier", [0], "f32");
    this.#exchange("barrier", nothing, allPartners(this.rank, this.size), () => {});
  }

  /** Says that this device is alive and at which step; for the watchdog and for messages. */
  heartbeat(step: number): void {
    Atomics.store(this.#words, this.#world.control.at(this.rank, STEP), step);
    Atomics.add(this.#words, this.#world.control.at(this.rank, HEARTBEAT), 1);
    if (this.#world.control.aborted) throw new AbortedError("the run was ended");
  }

  #buffer(shape: Shape, dtype: DType): Tensor {
    const out = empty("communicator", shape, dtype);
    this.onReceive?.(out);
    return out;
  }

  #exchange(
    op: OpName,
    x: Tensor,
    partners: Partners,
    receive: (rank: number, read: (into: Tensor, at: number) => void) => void,
  ): void {
    const { control } = this.#world;
    const mine: Message = { op, dtype: x.dtype, shape: x.shape, address: x.address };
    const number = ++this.#message;
    for (const action of exchange(partners)) {
      if (action.do === "post") {
        this.#describe(mine);
        this.#raise(POSTED, number);
      } else if (action.do === "awaitPosted") {
        this.#await(action.rank, POSTED, number, mine);
      } else if (action.do === "read") {
        this.#refuseOther(action.rank, mine);
        receive(action.rank, (into, at) => this.#read(action.rank, x, into, at));
      } else if (action.do === "finish") {
        this.#raise(DONE, number);
      } else {
        this.#await(action.rank, DONE, number, mine);
      }
    }
    Atomics.add(this.#words, control.at(this.rank, HEARTBEAT), 1);
  }

  #describe({ op, dtype, shape, address }: Message): void {
    if (shape.length > MAX_AXES) throw new RangeError(`${op}: ${show(shape)} has more than ${MAX_AXES} axes`);
    const row = this.#world.control.at(this.rank, 0);
    this.#words[row + OP] = OPS.indexOf(op);
    this.#words[row + DTYPE] = DTYPES.indexOf(dtype);
    this.#words[row + ADDRESS] = address; // an unsigned 32-bit number in a signed word
    this.#words[row + AXES] = shape.length;
    shape.forEach((side, i) => {
      this.#words[row + SHAPE + i] = side;
    });
  }

  #messageOf(rank: number): Message {
    const row = this.#world.control.at(rank, 0);
    return {
      op: OPS[this.#words[row + OP]],
      dtype: DTYPES[this.#words[row + DTYPE]],
      shape: Array.from(this.#words.subarray(row + SHAPE, row + SHAPE + this.#words[row + AXES])),
      address: this.#words[row + ADDRESS] >>> 0,
    };
  }

  #refuseOther(rank: number, mine: Message): void {
    const theirs = this.#messageOf(rank);
    if (describe(theirs) === describe(mine)) return;
    throw new DesyncError(
      `message ${this.#message}: rank ${this.rank} is in ${describe(mine)}, rank ${rank} in ${describe(theirs)}; every rank must call the same operations in the same order`,
    );
  }

  #read(rank: number, x: Tensor, into: Tensor, at: number): void {
    const { address } = this.#messageOf(rank);
    const memory = this.#world.memories[rank];
    const bytes = sizeOf(x.shape) * (x.dtype === "f32" ? 4 : 8);
    // Another thread has grown its memory: growing it by nothing brings our window up to date.
    if (address + bytes > memory.buffer.byteLength) memory.grow(0);
    const remote =
      x.dtype === "f32"
        ? new Float32Array(memory.buffer, address, x.size)
        : new Float64Array(memory.buffer, address, x.size);
    into.data.set(remote, at);
    this.bytesReceived += bytes;
  }

  #raise(word: number, value: number): void {
    const at = this.#world.control.at(this.rank, word);
    Atomics.store(this.#words, at, value);
    Atomics.notify(this.#words, at);
  }

  /** Returns when the counter of `rank` has reached `value`. */
  #await(rank: number, word: number, value: number, mine: Message): void {
    const { control, deadline } = this.#world;
    const at = control.at(rank, word);
    const reached = () => Atomics.load(this.#words, at) >= value;
    const spinUntil = performance.now() + SPIN_MS;
    while (!reached()) {
      if (performance.now() < spinUntil) continue;
      break;
    }
    let waited = 0;
    while (!reached()) {
      if (control.aborted) throw new AbortedError(`rank ${this.rank}: the run was ended during ${describe(mine)}`);
      if (waited >= deadline) throw this.#late(rank, waited, mine);
      const before = performance.now();
      const seen = Atomics.load(this.#words, at);
      if (seen < value) Atomics.wait(this.#words, at, seen, Math.min(SLICE_MS, deadline - waited));
      waited += Math.min(performance.now() - before, 2 * SLICE_MS);
    }
  }

  #late(rank: number, waited: number, mine: Message): DeadlineError {
    const theirs = this.#world.control.state(rank);
    return new DeadlineError(
      `rank ${this.rank} waited ${(waited / 1e3).toFixed(1)} s in ${describe(mine)} (message ${this.#message}) for rank ${rank}, whose last message is ${theirs.message} (${theirs.op}) at step ${theirs.step}; if its work takes that long, raise the deadline`,
    );
  }
}
