/**
 * The control block: shared words in which every rank says how far it has got and what it is in.
 *
 *   [abort] then, for every rank:
 *   [posted, done, heartbeat, step, waits for, stop vote, op, root, dtype, address, checksum, axes, shape..., marked step]
 *
 * Only the rank itself writes its row. A message is described before `posted` is raised, so whoever has seen the number may
 * read the description.
 */
import { type DType, type Shape, show } from "../tensor/index.ts";

const OPS = ["nothing yet", "shift +1", "shift −1", "allGather", "allReduce", "broadcast", "barrier"] as const;
export type OpName = (typeof OPS)[number];
const DTYPES = ["f32", "f64"] as const;

const MAX_AXES = 8;
const ABORT = 0;
const HEADER = 16; // words before the first row: a cache line, so that rows do not share one with the abort flag
export const POSTED = 0;
export const DONE = 1;
const HEARTBEAT = 2;
export const STEP = 3;
export const WAITS_FOR = 4; // 1 + a rank, 0 for nobody
const STOP_VOTE = 5; // the first step in which the rank knew of the wish to stop, 0 before
const OP = 6;
const ROOT = 7;
const DTYPE = 8;
const ADDRESS = 9;
const CHECKSUM = 10;
const AXES = 11;
const SHAPE = 12;
const MARKED = SHAPE + MAX_AXES; // the last step that the rank marked, 0 before
const ROW = 32; // words: two cache lines a rank

/** The control block of a world of `size` devices. */
export const controlBlock = (size: number): SharedArrayBuffer => new SharedArrayBuffer(4 * (HEADER + ROW * size));

/** A description of a message: what must agree between sender and reader, and where it lies. */
export interface Message {
  readonly op: OpName;
  /** Whose x is handed out, in a broadcast; 0 in all others. */
  readonly root: number;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly address: number;
  /** Of its numbers, as an unsigned 32-bit number; 0 where messages are not verified. */
  readonly checksum: number;
}

export const describe = ({ op, root, dtype, shape }: Message): string =>
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

  /** Votes to stop after `step`; a rank has one vote. */
  vote(rank: number, step: number): void {
    const at = this.at(rank, STOP_VOTE);
    if (Atomics.load(this.words, at) === 0) Atomics.store(this.words, at, step);
  }

  /** Whether one of `size` ranks voted in `step` or before. Votes of a later step do not count yet. */
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

  /** Whether `rank` marked `step`, and none after it. */
  isMarked(rank: number, step: number): boolean {
    return Atomics.load(this.words, this.at(rank, MARKED)) === step;
  }

  /** A sign of life. */
  beat(rank: number): void {
    Atomics.add(this.words, this.at(rank, HEARTBEAT), 1);
  }

  /**
   * A number that moves with every sign of life of `rank` and of those that it waits for, directly or through others: as long
   * as one of `size` ranks in such a chain works, those before it wait with good reason.
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

  /** What `rank` is about to post. */
  describe(rank: number, { op, root, dtype, shape, address, checksum }: Message): void {
    if (shape.length > MAX_AXES) throw new RangeError(`${op}: ${show(shape)} has more than ${MAX_AXES} axes`);
    const row = this.at(rank, 0);
    this.words[row + OP] = OPS.indexOf(op);
    this.words[row + ROOT] = root;
    this.words[row + DTYPE] = DTYPES.indexOf(dtype);
    this.words[row + ADDRESS] = address; // an unsigned 32-bit number in a signed word
    this.words[row + CHECKSUM] = checksum; // as well
    this.words[row + AXES] = shape.length;
    shape.forEach((side, i) => {
      this.words[row + SHAPE + i] = side;
    });
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
