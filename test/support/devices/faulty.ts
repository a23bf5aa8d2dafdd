/** A device that calls every collective for some steps, with a fault on one rank at one place. */
import { openSync, readSync } from "node:fs";
import { type Communicator, requireSameBits } from "../../../src/parallel/index.ts";
import { type Device, runDevice } from "../../../src/parallel/launch.ts";
import { type DType, empty, full, scope, type Tensor } from "../../../src/tensor/index.ts";
import { FAULTY_STEP, type Fault, OPS, type Op, type Report, STEPS } from "../faultKinds.ts";

const flipBit = ({ data }: Tensor): void => {
  new Int32Array(data.buffer, data.byteOffset, 1)[0] ^= 1 << 20;
};

/** Flips a bit of x after its checksum was computed and before anyone reads it. */
function flipWhenPosted(x: Tensor): void {
  const { store } = Atomics;
  const flipAndStore = (words: Int32Array, at: number, value: number): number => {
    Object.assign(Atomics, { store });
    flipBit(x);
    return store(words, at, value);
  };
  Object.assign(Atomics, { store: flipAndStore });
}

interface Said {
  readonly sides?: readonly number[];
  readonly dtype?: DType;
  /** Called before a tensor is sent. */
  readonly onSend?: (x: Tensor) => void;
}

function say(comm: Communicator, op: Op, { sides = [3], dtype = "f64", onSend }: Said = {}): void {
  const x = full(sides, comm.rank, dtype);
  onSend?.(x);
  if (op === "shift") comm.shift(x, 1);
  else if (op === "allGather") comm.allGather(x);
  else if (op === "allReduce") comm.allReduce(x);
  else if (op === "broadcast") comm.broadcast(x, 0);
  else comm.barrier();
}

/** A module with one function f: () → () of the given instructions. */
const moduleOf = (...code: number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, // \0asm, version 1
    1, 4, 1, 96, 0, 0, // type: () → ()
    3, 2, 1, 0, // one function of that type
    7, 5, 1, 1, 102, 0, 0, // exported as "f"
    10, code.length + 4, 1, code.length + 2, 0, ...code, 11, // its code
  ); // biome-ignore format: a section a line
const TRAP = moduleOf(0); // unreachable
const ENDLESS = moduleOf(3, 64, 12, 0, 11); // loop: br 0

const call = (code: Uint8Array<ArrayBuffer>): void =>
  (new WebAssembly.Instance(new WebAssembly.Module(code)).exports.f as () => void)();

async function act({ kind, op, path }: Fault, { comm }: Device<Fault, Report>, held: Tensor): Promise<void> {
  switch (kind) {
    case "throws":
      throw new TypeError("thrown on purpose");
    case "exits with 0":
      return process.exit(0);
    case "exits with 1":
      return process.exit(1);
    case "rejects":
      return Promise.reject(new RangeError("rejected on purpose"));
    case "throws outside its program":
      setTimeout(() => {
        throw new TypeError("thrown outside");
      });
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    case "never settles":
      return new Promise(() => {});
    case "runs out of JavaScript heap": {
      const kept: number[][] = [];
      for (;;) kept.push(new Array<number>(10_000).fill(kept.length));
    }
    case "runs out of WebAssembly memory":
      empty("test", [2 ** 30], "f64");
      return;
    case "traps":
      return call(TRAP);
    case "loops":
      for (;;);
    case "loops in WebAssembly":
      return call(ENDLESS);
    case "waits for ever":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case "reads for ever":
      readSync(openSync(path as string, "r"), new Uint8Array(1));
      return;
    case "skips":
      return;
    case "repeats":
      say(comm, op);
      say(comm, op);
      return;
    case "reorders":
      say(comm, OPS[(OPS.indexOf(op) + 1) % OPS.length]);
      say(comm, op);
      return;
    case "has another shape":
      // A barrier has no shape, so an operation with one replaces it.
      say(comm, op === "barrier" ? "allGather" : op, { sides: [4] });
      return;
    case "has another dtype":
      say(comm, op === "barrier" ? "allGather" : op, { dtype: "f32" });
      return;
    case "does something alone":
      comm.allReduce(full([7], 1, "f64"));
      say(comm, op);
      return;
    case "sends a flipped bit":
      say(comm, op, { onSend: flipWhenPosted });
      return;
    case "holds a flipped bit":
      flipBit(held);
      say(comm, op);
      return;
    default:
      say(comm, op);
  }
}

runDevice<Fault, string, Report>(async (device) => {
  const { comm, config: fault } = device;
  const held = full([5], 1); // the same on all ranks
  for (let step = 1; step <= STEPS; step++) {
    device.step(step);
    for (const op of OPS) {
      if (step === FAULTY_STEP && comm.rank === fault.rank && op === fault.op) {
        device.report({ at: Date.now() });
        await act(fault, device, held);
      } else {
        scope(() => say(comm, op));
      }
    }
    requireSameBits(comm, new Map([["held", held]]), `after step ${step}`);
  }
  return "done";
});
