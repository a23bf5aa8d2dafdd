/**
 * Devices as threads of one process: what they share is memory.
 *
 * Each device's heap is a shared WebAssembly.Memory that every other device has a window on, so a message is read where its
 * sender made it: one copy, no mailbox to fill. What goes through the control block is who has got how far:
 *
 *   [abort] then, for every rank: [posted, done, heartbeat, step, waits for, op, root, dtype, address, axes, shape...]
 *
 * Only the rank itself writes its row. A wait spins briefly, then sleeps on the counter it waits for; every wait has a
 * deadline, and a message that does not describe the same operation on the same shape as one's own is refused before it is
 * read.
 */
import { type DType, empty, type Shape, show, sizeOf, type Tensor } from "../tensor/index.ts";
import { type Communicator, treeSum } from "./communicator.ts";
import { AbortedError, DeadlineError, DesyncError } from "./errors.ts";
import { allPartners, exchange, type Partners, ringPartners } from "./exchange.ts";

const OPS = ["nothing yet", "shift +1", "shift −1", "allGather", "allReduce", "broadcast", "barrier"] as const;
type OpName = (typeof OPS)[number];
const DTYPES = ["f32", "f64"] as const;

const MAX_AXES = 8;
const ABORT = 0;
const HEADER = 16; // words before the first row: a cache line, so that rows do not share one with the abort flag
const POSTED = 0;
const DONE = 1;
const HEARTBEAT = 2;
const STEP = 3;
const WAITS_FOR = 4; // 1 + a rank, 0 for nobody
const OP = 5;
const ROOT = 6;
const DTYPE = 7;
const ADDRESS = 8;
const AXES = 9;
const SHAPE = 10;
const ROW = 32; // words: two cache lines a rank

const SPIN_MS = 0.05;
/** A sleep is cut into slices: a process that was stopped and continued has then lost one slice, not its deadline. */
const SLICE_MS = 100;

/** The control block of a world of `size` devices. */
export const controlBlock = (size: number): SharedArrayBuffer => new SharedArrayBuffer(4 * (HEADER + ROW * size));

/** A description of a message: what must agree between sender and reader, and where it lies. */
interface Message {
  readonly op: OpName;
  /** Whose x is handed out, in a broadcast; 0 in all others. */
  readonly root: number;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly address: number;
}

const describe = ({ op, root, dtype, shape }: Message): string =>
  `${op}${op === "broadcast" ? ` from ${root}` : ""} of ${dtype} ${show(shape)}`;

/** What one device has said last, for messages and for the watchdog. */
export interface DeviceState {
  readonly heartbeat: number;
  readonly step: number;
  /** Number of its last message; 0 before the first. */
  readonly message: number;
  /** That message, as errors have it: "allGather of f32 [2, 3]". */
  readonly what: string;
  /** The rank that it waits for in this message. */
  readonly waitsFor: number | undefined;
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
    const message = read(POSTED);
    const waitsFor = read(WAITS_FOR) - 1;
    return {
      heartbeat: read(HEARTBEAT),
      step: read(STEP),
      message,
      what: message === 0 ? OPS[0] : describe(this.message(rank)),
      waitsFor: waitsFor < 0 ? undefined : waitsFor,
    };
  }

  /** A sign of life. */
  beat(rank: number): void {
    Atomics.add(this.words, this.at(rank, HEARTBEAT), 1);
  }

  /** The last message of a rank. */
  message(rank: number): Message {
    const row = this.at(rank, 0);
    return {
      op: OPS[this.words[row + OP]],
      root: this.words[row + ROOT],
      dtype: DTYPES[this.words[row + DTYPE]],
      shape: Array.from(this.words.subarray(row + SHAPE, row + SHAPE + this.words[row + AXES])),
      address: this.words[row + ADDRESS] >>> 0,
    };
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

/** What an operation does with the message of a rank: read it into a buffer at an element, or not. */
type Receive = (rank: number, read: (into: Tensor, at: number) => void) => void;

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
    return this.#gather("allGather", x);
  }

  allReduce(x: Tensor): Tensor {
    return treeSum(this.#gather("allReduce", x));
  }

  broadcast(x: Tensor, root: number): Tensor {
    if (!Number.isInteger(root) || root < 0 || root >= this.size) {
      throw new RangeError(`broadcast: there is no rank ${root} among ${this.size} devices`);
    }
    const out = this.#buffer(x.shape, x.dtype);
    if (this.rank === root) out.data.set(x.data);
    // Everybody with everybody, so that ranks that disagree on the operation are found out, whoever the root is.
    const receive: Receive = (rank, read) => {
      if (rank === root) read(out, 0);
    };
    this.#exchange("broadcast", x, allPartners(this.rank, this.size), receive, root);
    return out;
  }

  barrier(): void {
    const nothing = empty("barrier", [0], "f32");
    this.#exchange("barrier", nothing, allPartners(this.rank, this.size), () => {});
  }

  /** Says that this device is alive and at which step: for the watchdog, for messages, and to be compared in each of them. */
  heartbeat(step: number): void {
    Atomics.store(this.#words, this.#world.control.at(this.rank, STEP), step);
    this.#world.control.beat(this.rank);
    if (this.#world.control.aborted) throw new AbortedError("the run was ended");
  }

  #gather(op: OpName, x: Tensor): Tensor {
    const out = this.#buffer([this.size, ...x.shape], x.dtype);
    out.data.set(x.data, this.rank * x.size);
    this.#exchange(op, x, allPartners(this.rank, this.size), (rank, read) => read(out, rank * x.size));
    return out;
  }

  #buffer(shape: Shape, dtype: DType): Tensor {
    const out = empty("communicator", shape, dtype);
    this.onReceive?.(out);
    return out;
  }

  #exchange(op: OpName, x: Tensor, partners: Partners, receive: Receive, root = 0): void {
    const { control } = this.#world;
    const mine: Message = { op, root, dtype: x.dtype, shape: x.shape, address: x.address };
    const number = ++this.#message;
    for (const action of exchange(partners)) {
      if (action.do === "post") {
        this.#describe(mine);
        this.#raise(POSTED, number);
      } else if (action.do === "awaitPosted") {
        this.#await(action.rank, POSTED, number, mine);
      } else if (action.do === "read") {
        this.#refuseOther(action.rank);
        receive(action.rank, (into, at) => this.#read(action.rank, x, into, at));
      } else if (action.do === "finish") {
        this.#raise(DONE, number);
      } else {
        this.#await(action.rank, DONE, number, mine);
      }
    }
    control.beat(this.rank);
  }

  #describe({ op, root, dtype, shape, address }: Message): void {
    if (shape.length > MAX_AXES) throw new RangeError(`${op}: ${show(shape)} has more than ${MAX_AXES} axes`);
    const row = this.#world.control.at(this.rank, 0);
    this.#words[row + OP] = OPS.indexOf(op);
    this.#words[row + ROOT] = root;
    this.#words[row + DTYPE] = DTYPES.indexOf(dtype);
    this.#words[row + ADDRESS] = address; // an unsigned 32-bit number in a signed word
    this.#words[row + AXES] = shape.length;
    shape.forEach((side, i) => {
      this.#words[row + SHAPE + i] = side;
    });
  }

  #refuseOther(rank: number): void {
    const { control } = this.#world;
    const [here, there] = [this.rank, rank].map((each) => control.state(each));
    if (here.what === there.what && here.step === there.step) return;
    const [at, otherAt] = here.step === there.step ? ["", ""] : [` at step ${here.step}`, ` at step ${there.step}`];
    throw new DesyncError(
      `message ${this.#message}: rank ${this.rank} is in ${here.what}${at}, rank ${rank} in ${there.what}${otherAt}; every rank must call the same operations in the same order`,
    );
  }

  #read(rank: number, x: Tensor, into: Tensor, at: number): void {
    const { address } = this.#world.control.message(rank);
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
    if (reached()) return;
    // Stays when this wait fails: whoever looks for the one to blame follows it.
    Atomics.store(this.#words, control.at(this.rank, WAITS_FOR), rank + 1);
    let waited = 0;
    while (!reached()) {
      if (control.aborted) throw new AbortedError(`rank ${this.rank}: the run was ended during ${describe(mine)}`);
      if (waited >= deadline) throw this.#late(rank, waited, mine);
      const before = performance.now();
      const seen = Atomics.load(this.#words, at);
      if (seen < value) Atomics.wait(this.#words, at, seen, Math.min(SLICE_MS, deadline - waited));
      waited += Math.min(performance.now() - before, 2 * SLICE_MS);
    }
    Atomics.store(this.#words, control.at(this.rank, WAITS_FOR), 0);
  }

  #late(rank: number, waited: number, mine: Message): DeadlineError {
    const theirs = this.#world.control.state(rank);
    return new DeadlineError(
      `rank ${this.rank} waited ${(waited / 1e3).toFixed(1)} s in ${describe(mine)} (message ${this.#message}) for rank ${rank}, whose last message is ${theirs.message} (${theirs.what}) at step ${theirs.step}; if its work takes that long, raise the deadline`,
    );
  }
}
