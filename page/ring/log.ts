/**
 * Runs a form of the loss on D devices in one thread, and logs what each of them does: the program is that of the training, and the
 * log is all that the scene draws.
 */
import type { Communicator } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { type LossForm, lossForms } from "../../src/siglip/index.ts";
import { heap, Rng, type Tensor, tensor } from "../../src/tensor/index.ts";

/** The forms that go round a ring. */
export const FORMS = ["fused", "chunked"] as const;
export type Form = (typeof FORMS)[number];

/** Pairs of each device, and the width of the embeddings. */
export const ROWS = 32;
const WIDTH = 16;
const [T_PRIME, B] = [Math.log(10), -10];

/** What a device does: it computes the block of its images and a text block, passes something on, or adds up numbers with all others. */
export type Event = Memory &
  (
    | { readonly kind: "block"; readonly text: number }
    /** It passes its travelling texts on; those of device `owner` have arrived. */
    | { readonly kind: "texts"; readonly by: 1 | -1; readonly owner: number }
    /** It passes a gradient on, to which it has added since that arrived, or not. */
    | { readonly kind: "gradients"; readonly by: 1 | -1; readonly added: boolean }
    | { readonly kind: "sum" }
  );

/** Bytes of a device's heap. */
interface Memory {
  readonly held: number;
  /** The most since the event before. */
  readonly most: number;
}

/** All that one device did. */
export interface DeviceLog {
  readonly events: readonly Event[];
  /** Whether it added to the gradient that came home. */
  readonly addedAtHome: boolean;
  readonly loss: number;
}

/** What all devices did, beside the dense form on one device. */
export interface RingLog {
  readonly devices: readonly DeviceLog[];
  readonly dense: { readonly loss: number; readonly most: number };
}

type Numbers = Float32Array;

/** Rows of length 1. */
function unitRows(rng: Rng, count: number): Numbers {
  const rows = Float32Array.from({ length: count * WIDTH }, () => rng.normal());
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * WIDTH, (i + 1) * WIDTH);
    const length = Math.hypot(...row);
    row.forEach((value, k) => {
      row[k] = value / length;
    });
  }
  return rows;
}

/** Logs the form on so many devices. */
export function logRing(form: Form, devices: number): RingLog {
  const count = ROWS * devices;
  const batch = { x: unitRows(new Rng(0).split("images"), count), y: unitRows(new Rng(0).split("texts"), count) };
  const dense = lockstep(1, (comm) => {
    heap.peakBytes = heap.liveBytes;
    const before = heap.liveBytes;
    const { loss } = run(lossForms.dense, batch, comm);
    return { loss, most: heap.peakBytes - before };
  });
  return { devices: lockstep(devices, (comm) => logDevice(lossForms[form], batch, comm)), dense: dense[0] };
}

interface Batch {
  readonly x: Numbers;
  readonly y: Numbers;
}

/** The form with the rows of one device. */
function run(form: LossForm, { x, y }: Batch, comm: Communicator, onBlock?: (image: number, text: number) => void) {
  const rows = x.length / WIDTH / comm.size;
  const own = (all: Numbers): Tensor =>
    tensor(all.subarray(comm.rank * rows * WIDTH, (comm.rank + 1) * rows * WIDTH), [rows, WIDTH]);
  const watched = onBlock ? { onBlock } : {};
  return form.gradients({ zimg: own(x), ztxt: own(y), tPrime: T_PRIME, b: B, comm, shards: comm.size, ...watched });
}

function logDevice(form: LossForm, batch: Batch, comm: Communicator): DeviceLog {
  const events: Event[] = [];
  const before = heap.liveBytes;
  heap.peakBytes = before;
  const memory = (): Memory => {
    const seen = { held: heap.liveBytes - before, most: heap.peakBytes - before };
    heap.peakBytes = heap.liveBytes;
    return seen;
  };
  const block = ROWS * WIDTH;
  // The texts of a device travel unchanged, so its first row tells whose they are.
  const ownerOf = ({ data }: Tensor): number =>
    Array.from({ length: comm.size }, (_, rank) => rank).findIndex((rank) =>
      data.subarray(0, WIDTH).every((value, k) => value === batch.y[rank * block + k]),
    );
  let gradient: ArrayLike<number> = new Float32Array(block); // as it arrived
  const logged: Communicator = {
    rank: comm.rank,
    size: comm.size,
    shift(x, by) {
      const isText = ownerOf(x) >= 0;
      const added = !isText && !isMultiple(x.data, gradient);
      const arrived = comm.shift(x, by);
      if (isText) events.push({ kind: "texts", by, owner: ownerOf(arrived), ...memory() });
      else {
        gradient = arrived.toArray();
        events.push({ kind: "gradients", by, added, ...memory() });
      }
      return arrived;
    },
    allGather: (x) => summed(comm.allGather(x)),
    allReduce: (x) => summed(comm.allReduce(x)),
    broadcast: (x, root) => comm.broadcast(x, root),
    barrier: () => comm.barrier(),
  };
  const summed = (x: Tensor): Tensor => {
    events.push({ kind: "sum", ...memory() });
    return x;
  };
  const { loss, dztxt } = run(form, batch, logged, (_, text) => events.push({ kind: "block", text, ...memory() }));
  return { events, loss, addedAtHome: !isMultiple(dztxt.data, gradient) };
}

/** Whether x is a positive multiple of y, as it is when nothing but a factor has come to it: their cosine is 1. */
function isMultiple(x: ArrayLike<number>, y: ArrayLike<number>): boolean {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    yy += y[i] * y[i];
  }
  return xy >= Math.sqrt(xx * yy) * (1 - 1e-9) && yy > 0 === xx > 0;
}
