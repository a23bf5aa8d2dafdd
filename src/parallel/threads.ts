/**
 * Devices as threads of one process, which share memory.
 *
 * The heap of each device is a shared WebAssembly.Memory that every other device can read, so a message is read from the memory
 * of its sender: one copy, no mailbox. Only progress goes through the control block.
 *
 * A waiting device does other work if there is some, spins briefly, then sleeps on the counter it waits for. A wait fails when
 * the ranks it waits for have sent no heartbeat for as long as the deadline. A message is read only if its operation and
 * shape are those of the reader. If messages are verified, the reader's copy must have the sender's checksum.
 */
import { type DType, empty, type Shape, sizeOf, type Tensor } from "../tensor/index.ts";
import { type Communicator, treeSum } from "./communicator.ts";
import { type Control, DONE, describe, type Message, type OpName, POSTED, STEP, WAITS_FOR } from "./control.ts";
import { AbortedError, CorruptionError, DeadlineError, DesyncError } from "./errors.ts";
import { allPartners, exchange, type Partners, ringPartners } from "./exchange.ts";
import { hashBits } from "./hash.ts";
import { ALLOW_MORE, Silence } from "./silence.ts";

const SPIN_MS = 0.05;
/** A sleep is cut into slices: a process that is stopped and continued then loses one slice, not its deadline. */
const SLICE_MS = 100;

/** What a device needs to reach the others. */
export interface ThreadWorld {
  readonly rank: number;
  readonly size: number;
  readonly control: Control;
  /** The heap of every device, by rank. */
  readonly memories: readonly WebAssembly.Memory[];
  /** Longest wait without a heartbeat, in ms. */
  readonly deadline: number;
  /** Whether messages carry checksums. */
  readonly verify: boolean;
}

/** Handles the message of a rank: may read it into a buffer, from element `at` on. */
type Receive = (rank: number, read: (into: Tensor, at: number) => void) => void;

/** The communicator of a device that is a thread. */
export class ThreadCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly #world: ThreadWorld;
  readonly #words: Int32Array;
  #message = 0;
  #waiting = false;
  /** Is called with every buffer before something is received into it: tests fill it with NaN. */
  onReceive: ((into: Tensor) => void) | undefined;
  /**
   * Does a small piece of other work and returns true, or returns false if there is none. Is called while this rank waits; must
   * take far less time than a step and must not exchange.
   */
  whileWaiting: () => boolean = () => false;
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
    // All with all, so that ranks in different operations are detected whatever the root.
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

  /** Publishes the step of this device, which every exchange compares, and sends a heartbeat. */
  heartbeat(step: number): void {
    Atomics.store(this.#words, this.#world.control.at(this.rank, STEP), step);
    this.#world.control.beat(this.rank);
    if (this.#world.control.aborted) throw new AbortedError("the run was ended");
  }

  /** Sends a heartbeat, except while this device waits: other work does not help the rank that it waits for. */
  alive(): void {
    if (!this.#waiting) this.#world.control.beat(this.rank);
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
    const { control, verify } = this.#world;
    const checksum = verify ? hashBits(x.data) : 0;
    const mine: Message = { op, root, dtype: x.dtype, shape: x.shape, address: x.address, checksum };
    const number = ++this.#message;
    for (const action of exchange(partners)) {
      if (action.do === "post") {
        control.describe(this.rank, mine);
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
    const sent = this.#world.control.message(rank);
    const { address } = sent;
    const memory = this.#world.memories[rank];
    const bytes = sizeOf(x.shape) * (x.dtype === "f32" ? 4 : 8);
    // Another thread has grown its memory: growing it by 0 updates this thread's view.
    if (address + bytes > memory.buffer.byteLength) memory.grow(0);
    const remote =
      x.dtype === "f32"
        ? new Float32Array(memory.buffer, address, x.size)
        : new Float64Array(memory.buffer, address, x.size);
    into.data.set(remote, at);
    this.bytesReceived += bytes;
    if (this.#world.verify) this.#refuseAltered(rank, sent, into.data.subarray(at, at + x.size));
  }

  #refuseAltered(rank: number, sent: Message, read: Float32Array | Float64Array): void {
    const checksum = hashBits(read);
    if (checksum === sent.checksum) return;
    const hex = (n: number): string => n.toString(16).padStart(8, "0");
    throw new CorruptionError(
      `message ${this.#message}: rank ${this.rank} read ${describe(sent)} from rank ${rank} with checksum ${hex(checksum)}, sent with ${hex(sent.checksum)}; memory was altered on the way: if a repeated run fails at another message, test the memory of this machine; if at the same one, look for code that writes to the tensor that was sent`,
      [rank],
    );
  }

  #raise(word: number, value: number): void {
    const at = this.#world.control.at(this.rank, word);
    Atomics.store(this.#words, at, value);
    Atomics.notify(this.#words, at);
  }

  /** Returns when the counter of `rank` has reached `value`. */
  #await(rank: number, word: number, value: number, mine: Message): void {
    const { control, deadline, size } = this.#world;
    const at = control.at(rank, word);
    const reached = () => Atomics.load(this.#words, at) >= value;
    if (reached()) return;
    // Stays set when this wait fails: `blame` follows it.
    Atomics.store(this.#words, control.at(this.rank, WAITS_FOR), rank + 1);
    this.#waiting = true;
    const begun = performance.now();
    const silence = new Silence(2 * SLICE_MS, begun, control.lifeOf(rank, size));
    let spinUntil = begun + SPIN_MS;
    while (!reached()) {
      if (control.aborted) throw new AbortedError(`rank ${this.rank}: the run was ended during ${describe(mine)}`);
      if (silence.ms >= deadline) throw this.#late(rank, silence.ms, mine);
      if (this.whileWaiting()) {
        spinUntil = performance.now() + SPIN_MS;
      } else if (performance.now() >= spinUntil) {
        const seen = Atomics.load(this.#words, at);
        if (seen < value) Atomics.wait(this.#words, at, seen, Math.min(SLICE_MS, deadline - silence.ms));
      }
      silence.look(performance.now(), control.lifeOf(rank, size));
    }
    this.#waiting = false;
    Atomics.store(this.#words, control.at(this.rank, WAITS_FOR), 0);
  }

  #late(rank: number, silent: number, mine: Message): DeadlineError {
    const theirs = this.#world.control.state(rank);
    return new DeadlineError(
      `rank ${this.rank} waited ${(silent / 1e3).toFixed(1)} s in ${describe(mine)} (message ${this.#message}) for rank ${rank}, which sent no heartbeat and whose last message is ${theirs.message} (${theirs.what}) at step ${theirs.step}; ${ALLOW_MORE}`,
    );
  }
}
