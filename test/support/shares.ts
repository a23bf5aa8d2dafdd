/**
 * One device's part of a loss, for tests: what a rank computes from its rows of a batch, in every form, and how the parts
 * are combined. Plain arrays in and out, so that it runs in a lockstep world and in threads.
 */
import { backward, parameter, reshape, type Variable } from "../../src/autograd/index.ts";
import { allGather, type Communicator } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { chunkedSigmoidLoss, fusedSigmoidLoss, fusedSoftmaxLoss, softmaxLoss } from "../../src/siglip/index.ts";
import { type DType, tensor } from "../../src/tensor/index.ts";
import type { Gradients, Pairs } from "./referenceLoss.ts";

/** The sigmoid loss in chunks or fused; the softmax loss fused, or dense over gathered rows. */
export type Form = "chunked" | "fused" | "softmax" | "softmaxDense";

const isFused = (form: Form): boolean => form === "fused" || form === "softmax";

export interface Task {
  readonly form: Form;
  readonly dtype: DType;
  readonly pairs: Pairs;
  /** A multiple of the devices. */
  readonly shards: number;
}

/** A block of pairs that was computed: image shard, text shard, and in which order. */
export interface Visit {
  readonly image: number;
  readonly text: number;
  /** Collectives that the rank had called before. */
  readonly calls: number;
}

/** The results of one rank. Its loss is a share or the whole, depending on the form: see `join`. */
export interface Part extends Gradients {
  readonly visits: readonly Visit[];
}

/** All rows of all ranks, [n·size, d]. */
const gathered = (x: Variable, comm: Communicator): Variable =>
  reshape(allGather(x, comm), [x.shape[0] * comm.size, x.shape[1]]);

/** The results of `comm.rank` for its rows. */
export function partOf({ form, dtype, pairs, shards }: Task, comm: Communicator, calls: () => number = () => 0): Part {
  const { d, tPrime, b } = pairs;
  const n = pairs.n / comm.size;
  const rows = (of: Float64Array) => tensor(of.subarray(comm.rank * n * d, (comm.rank + 1) * n * d), [n, d], dtype);
  const [x, y] = [rows(pairs.x), rows(pairs.y)];
  const visits: Visit[] = [];
  const onBlock = (image: number, text: number): void => void visits.push({ image, text, calls: calls() });
  if (isFused(form)) {
    const out =
      form === "fused"
        ? fusedSigmoidLoss(x, y, tPrime, b, comm, shards, { onBlock })
        : fusedSoftmaxLoss(x, y, tPrime, comm, shards, { onBlock });
    return {
      loss: out.loss,
      dX: out.dzimg.toArray(),
      dY: out.dztxt.toArray(),
      dTPrime: out.dtPrime,
      dB: out.db,
      visits,
    };
  }
  const [zimg, ztxt] = [parameter(x), parameter(y)];
  const [t, bias] = [tPrime, b].map((value) => parameter(tensor([value], [], dtype)));
  const loss =
    form === "chunked"
      ? chunkedSigmoidLoss(zimg, ztxt, t, bias, comm, onBlock)
      : softmaxLoss(gathered(zimg, comm), gathered(ztxt, comm), t);
  const value = loss.value.item();
  // Every rank has the whole softmax loss and takes a share of it, so that the gradients are those of one loss.
  backward(loss, tensor([form === "chunked" ? 1 : 1 / comm.size], [], dtype));
  return {
    loss: form === "chunked" ? value : value / comm.size,
    dX: zimg.grad?.toArray() ?? [],
    dY: ztxt.grad?.toArray() ?? [],
    dTPrime: t.grad?.item() ?? Number.NaN,
    dB: bias.grad?.item() ?? Number.NaN,
    visits,
  };
}

/** Combines the parts: concatenates rows and adds shares, unless every rank already has the sum. */
export function join(form: Form, parts: readonly Part[]): Gradients {
  const whole = (of: (part: Part) => number): number =>
    isFused(form) ? of(parts[0]) : parts.reduce((sum, part) => sum + of(part), 0);
  return {
    loss: whole(({ loss }) => loss),
    dX: parts.flatMap(({ dX }) => Array.from(dX)),
    dY: parts.flatMap(({ dY }) => Array.from(dY)),
    dTPrime: whole(({ dTPrime }) => dTPrime),
    dB: whole(({ dB }) => dB),
  };
}

/** The parts of a task on `size` devices in lockstep. */
export const lockstepParts = (task: Task, size: number): Part[] =>
  lockstep(size, (comm) => partOf(task, comm, () => comm.calls));

export const onDevices = (task: Task, size: number): Gradients => join(task.form, lockstepParts(task, size));
