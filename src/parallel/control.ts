/**
 * The control block: shared words in which every rank publishes its progress and its current operation.
 *
 *   [abort] then, for every rank:
 *   [posted, done, heartbeat, step, waits for, stop vote, op, root, dtype, address, checksum, axes, shape..., marked step]
 *
 * Only the rank itself writes its row. A rank describes a message before it raises `posted`, so a rank that has read the
 * number may read the description.
 */
import { type DType, type Shape, show } from "../tensor/index.ts";
import { HEADER, ROW } from "./controlBlock.ts";

const OPS = ["nothing yet", "shift +1", "shift −1", "allGather", "allReduce", "broadcast", "barrier"] as const;
export type OpName = (typeof OPS)[number];
const DTYPES = ["f32", "f64"] as const;

const MAX_AXES = 8;
const ABORT = 0;
export const POSTED = 0;
export const DONE = 1;
const HEARTBEAT = 2;
export const STEP = 3;
export const WAITS_FOR = 4; // 1 + a rank; 0 if the rank does not wait
const STOP_VOTE = 5; // the first step in which the rank saw the stop request, 0 before
const OP = 6;
const ROOT = 7;
const DTYPE = 8;
const ADDRESS = 9;
const CHECKSUM = 10;
const AXES = 11;
const SHAPE = 12;
const MARKED = SHAPE + MAX_AXES; // the last step that the rank marked, 0 before

/** A description of a message: what must agree between sender and reader, and its address. */
export interface Message {
  readonly op: OpName;
  /** The sender of a broadcast; 0 in other operations. */
  readonly root: number;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly address: number;
  /** Unsigned 32-bit hash of its numbers; 0 if messages are not verified. */
  readonly checksum: number;
}

/** A message as errors show it: "allGather of f32 [2, 3]". */
export const describe = ({ op, root, dtype, shape }: Message): string =>
  `${op}${op === "broadcast" ? ` from ${root}` : ""} of ${dtype} ${show(shape)}`;

/** The state that one device published last, for error messages and the watchdog. */
export interface DeviceState {
  readonly heartbeat: number;
  readonly step: number;
  /** Number of its last message; 0 before the first. */
  readonly message: number;
  /** That message as `describe` shows it. */
  readonly what: string;
  /** The rank that it waits for in this message. */
  readonly waitsFor: number | undefined;
}

/** Reads and writes a control block. */
export class Control {
  readonly words: Int32Array;

  constructor(block: SharedArrayBuffer) {
    this.words = new Int32Array(block);
  }

  /** Index of a word of a rank. */
  at(rank: number, word: number): number {
    return HEADER + ROW * rank + word;
  }

  /** The state of a rank. */
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

  /** Votes to stop after `step`; only the first vote of a rank counts. */
  vote(rank: number, step: number): void {
    const at = this.at(rank, STOP_VOTE);
    if (Atomics.load(this.words, at) === 0) Atomics.store(this.words, at, step);
  }

  /** Whether one of `size` ranks voted in `step` or an earlier one. */
  stopsAfter(step: number, size: number): boolean {
    for (let rank = 0; rank < size; rank++) {
      const vote = Atomics.load(this.words, this.at(rank, STOP_VOTE));
      if (vote > 0 && vote <= step) return true;
    }
    return false;
  }

  /** Marks `step` for all ranks. */
  mark(rank: number, step: number): void {
    Atomics.store(this.words, this.at(rank, MARKED), step);
  }

  /** Whether `step` is the last step that `rank` marked. */
  isMarked(rank: number, step: number): boolean {
    return Atomics.load(this.words, this.at(rank, MARKED)) === step;
  }

  /** Counts a heartbeat of `rank`. */
  beat(rank: number): void {
    Atomics.add(this.words, this.at(rank, HEARTBEAT), 1);
  }

  /**
   * A number that changes with every heartbeat of `rank` and of the ranks it waits for, directly or indirectly: while one of
   * them works, the wait is legitimate.
   */
  lifeOf(rank: number, size: number): number {
    let life = 0;
    for (let at: number | undefined = rank, hops = 0; at !== undefined && hops < size; hops++) {
      life += Atomics.load(this.words, this.at(at, HEARTBEAT));
      const next: number = Atomics.load(this.words, this.at(at, WAITS_FOR)) - 1;
      at = next < 0 ? undefined : next;
    }
    return life;
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
      checksum: this.words[row + CHECKSUM] >>> 0,
    };
  }

  /** Describes the message that `rank` is about to post. Throws `RangeError` for more than 8 axes. */
  describe(rank: number, { op, root, dtype, shape, address, checksum }: Message): void {
    if (shape.length > MAX_AXES) throw new RangeError(`${op}: ${show(shape)} has more than ${MAX_AXES} axes`);
    const row = this.at(rank, 0);
    this.words[row + OP] = OPS.indexOf(op);
    this.words[row + ROOT] = root;
    this.words[row + DTYPE] = DTYPES.indexOf(dtype);
    this.words[row + ADDRESS] = address; // unsigned 32 bits in a signed word
    this.words[row + CHECKSUM] = checksum; // the same
    this.words[row + AXES] = shape.length;
    shape.forEach((side, i) => {
      this.words[row + SHAPE + i] = side;
    });
  }

  get aborted(): boolean {
    return Atomics.load(this.words, ABORT) !== 0;
  }

  /** Wakes every waiting rank; each of them throws `AbortedError`. */
  abort(): void {
    Atomics.store(this.words, ABORT, 1);
    for (let word = 0; word < this.words.length; word++) Atomics.notify(this.words, word);
  }
}
