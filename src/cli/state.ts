/** What a checkpoint holds of a run: every parameter, both moments of each, the step count, the tokenizer. */
import { type Tokenizer, tokenizerFromJSON } from "../data/index.ts";
import { isJsonRecord, type SafetensorsTensor } from "../formats/index.ts";
import { type AdamW, parametersOf } from "../nn/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { sameShape, show, type Tensor } from "../tensor/index.ts";
import { type Checkpoint, CheckpointError } from "./checkpoint.ts";

/** Everything that training changes, by its name in the file: `model/image/...`, `optimizer/image/.../m`. */
export function tensorsOf(model: SigLip, optimizer?: AdamW): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [path, { value }] of parametersOf(model)) tensors.set(`model/${path}`, value);
  for (const [path, value] of optimizer?.state() ?? []) tensors.set(`optimizer/${path}`, value);
  return tensors;
}

export function checkpointOf(step: number, model: SigLip, optimizer: AdamW, tokenizer: Tokenizer): Checkpoint {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of tensorsOf(model, optimizer)) {
    tensors.set(name, { dtype: "F32", shape, data: Float32Array.from(data) });
  }
  return { step, tensors, meta: { updates: optimizer.count, tokenizer: JSON.parse(JSON.stringify(tokenizer)) } };
}

/** Reads the tokenizer that a checkpoint was trained with. */
export function tokenizerOf({ meta }: Checkpoint): Tokenizer {
  return tokenizerFromJSON(isJsonRecord(meta) ? meta.tokenizer : undefined);
}

/** Overwrites the model (and the optimizer) with a checkpoint. All that does not fit is listed, and then nothing is changed. */
export function restore({ step, tensors, meta }: Checkpoint, model: SigLip, optimizer?: AdamW): void {
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
  if (typeof updates !== "number") problems.push("the number of updates is missing");
  if (problems.length > 0) {
    throw new CheckpointError("CKPT_CONFIG", `step ${step} does not fit the model: ${problems.join("; ")}`);
  }
  for (const [name, tensor] of wanted) tensor.data.set(tensors.get(name)?.data as Float32Array);
  if (optimizer) optimizer.count = updates as number;
}
