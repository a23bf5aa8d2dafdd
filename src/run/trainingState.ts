/** The state of a training in a checkpoint: every parameter, the optimizer's state of each, the step count, the tokenizer. */

import { isJsonRecord, type JsonValue, type SafetensorsTensor } from "../formats/index.ts";
import { type Optimizer, parametersOf } from "../nn/index.ts";
import { sameShape, show, type Tensor } from "../tensor/index.ts";
import { type Tokenizer, tokenizerFromJSON } from "../tokenizers/index.ts";
import { type Checkpoint, CheckpointError } from "./checkpoint.ts";
import type { PendingSteps } from "./healthMetrics.ts";
import type { TrainedModel } from "./model.ts";

/** All tensors that training changes, by name in the file: `model/image/...`, `optimizer/image/.../m`. */
export function tensorsOf(model: TrainedModel, optimizer?: Optimizer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [path, { value }] of parametersOf(model)) tensors.set(`model/${path}`, value);
  for (const [path, value] of optimizer?.state() ?? []) tensors.set(`optimizer/${path}`, value);
  return tensors;
}

/** The name of the first tensor that holds NaN or infinity; undefined if there is none. */
export function firstNonFinite(
  tensors: Iterable<readonly [name: string, { readonly data: ArrayLike<unknown> }]>,
): string | undefined {
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) continue;
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return name;
  }
  return undefined;
}

/** Throws `CheckpointError` if a loaded checkpoint holds NaN or infinity in a tensor whose name starts with `begin`. */
export function requireFinite({ step, tensors }: Checkpoint, path: string, begin = ""): void {
  const bad = firstNonFinite([...tensors].filter(([name]) => name.startsWith(begin)));
  if (bad === undefined) return;
  const how = "training diverged before this save; move its files away to use an earlier one";
  throw new CheckpointError("CKPT_NON_FINITE", `step ${step} in ${path} holds NaN or infinity in ${bad}: ${how}`);
}

type StoredTensor = Pick<SafetensorsTensor, "dtype" | "shape"> & { readonly data: ArrayLike<unknown> };

/** A checkpoint to restore a model from, possibly in memory shared with another thread. */
export interface Stored {
  readonly step: number;
  readonly meta: JsonValue;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Copies a checkpoint into shared memory, for other threads. Throws `CheckpointError` if a tensor is not F32. */
export function shared({ step, meta, tensors }: Checkpoint): Stored {
  const copies = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (!(data instanceof Float32Array)) throw new CheckpointError("CKPT_CONFIG", `${name} is ${dtype}, not F32`);
    const copy = new Float32Array(new SharedArrayBuffer(data.byteLength));
    copy.set(data);
    copies.set(name, { dtype, shape, data: copy });
  }
  return { step, meta, tensors: copies };
}

/** What was counted over the steps of a training. */
export interface Counted {
  /** The steps since the last line of metrics. */
  readonly pending: PendingSteps;
  /** Floating-point operations of all steps so far; NaN if unknown. */
  readonly flops: number;
}

/** The checkpoint of a step. `metrics`: lines that may be missing from `metrics.jsonl`. */
export function checkpointOf(
  step: number,
  model: TrainedModel,
  optimizer: Optimizer,
  tokenizer: Tokenizer,
  metrics: readonly string[] = [],
  { pending, flops }: Counted = { pending: { steps: 0, clipped: 0 }, flops: 0 },
): Checkpoint {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of tensorsOf(model, optimizer)) {
    tensors.set(name, { dtype: "F32", shape, data: Float32Array.from(data) });
  }
  const meta = {
    updates: optimizer.count,
    ...(Number.isNaN(flops) ? {} : { flops }),
    optimizer: optimizer.name,
    tokenizer: JSON.parse(JSON.stringify(tokenizer)),
  };
  const lines = metrics.length > 0 ? { metrics: [...metrics] } : {};
  return { step, tensors, meta: { ...meta, ...lines, ...(pending.steps > 0 ? { pending: { ...pending } } : {}) } };
}

/** Lines of metrics that were not in their file when this was saved. */
export function metricsOf({ meta }: Stored): string[] {
  const lines = isJsonRecord(meta) ? meta.metrics : undefined;
  return Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
}

/** Floating-point operations of the completed steps; NaN if they were not counted yet when this was saved. */
export function flopsOf({ meta }: Stored): number {
  const { flops = Number.NaN } = isJsonRecord(meta) ? meta : {};
  return Number(flops);
}

/** The steps since the last line of metrics when this was saved; undefined if there were none. */
export function pendingOf({ meta }: Stored): PendingSteps | undefined {
  const pending = isJsonRecord(meta) && isJsonRecord(meta.pending) ? meta.pending : undefined;
  return pending && { steps: Number(pending.steps), clipped: Number(pending.clipped) };
}

/** The tokenizer of a checkpoint. Throws `TokenizerError` if it is invalid. */
export function tokenizerOf({ meta }: Stored): Tokenizer {
  return tokenizerFromJSON(isJsonRecord(meta) ? meta.tokenizer : undefined);
}

/** Throws `CheckpointError` if another optimizer saved a checkpoint; the first version did not say which. */
function requireOptimizer(step: number, meta: JsonValue, optimizer: Optimizer | undefined): void {
  const saved = isJsonRecord(meta) ? meta.optimizer : undefined;
  if (optimizer === undefined || saved === undefined || saved === optimizer.name) return;
  const remedy = `resume with ${saved}, or restore the model alone`;
  throw new CheckpointError("CKPT_CONFIG", `step ${step} was saved by ${saved}, not ${optimizer.name}; ${remedy}`);
}

/** Restores the model (and the optimizer). Throws `CheckpointError` with all mismatches before it changes anything. */
export function restore({ step, tensors, meta }: Stored, model: TrainedModel, optimizer?: Optimizer): void {
  requireOptimizer(step, meta, optimizer);
  const wanted = tensorsOf(model, optimizer);
  const problems: string[] = [];
  for (const [name, { shape }] of wanted) {
    const found = tensors.get(name);
    if (!found) problems.push(`${name} ${show(shape)} is missing`);
    else if (!sameShape(found.shape, shape)) problems.push(`${name} is ${show(found.shape)}, not ${show(shape)}`);
    else if (found.dtype !== "F32") problems.push(`${name} is ${found.dtype}, not F32`);
  }
  for (const name of tensors.keys()) {
    if (!wanted.has(name) && (optimizer || name.startsWith("model/"))) problems.push(`${name} is not in this model`);
  }
  const updates = isJsonRecord(meta) ? meta.updates : undefined;
  if (!Number.isSafeInteger(updates) || (updates as number) < 0) problems.push("the number of updates is missing");
  if (problems.length > 0) {
    throw new CheckpointError("CKPT_CONFIG", `step ${step} does not fit the model: ${problems.join("; ")}`);
  }
  for (const [name, tensor] of wanted) tensor.data.set(tensors.get(name)?.data as Float32Array);
  if (optimizer) optimizer.count = updates as number;
}
