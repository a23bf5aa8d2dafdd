/**
 * Writes safetensors (format: see safetensors.ts). Equal tensors give equal bytes: tensors are ordered by item size, then name,
 * which also aligns every array; metadata by key.
 */

import { quote } from "./formatError.ts";
import { joinBytes } from "./joinBytes.ts";
import { jsonText } from "./json.ts";
import { ARRAYS, MAX_AXES, MAX_HEADER, type SafetensorsData, type SafetensorsTensor } from "./safetensors.ts";
import { sizeOf, type TensorEntry } from "./tensorSource.ts";

/** A tensor whose numbers are made when they are written, so that no more than one has to be in memory. */
export interface DeferredTensor extends TensorEntry {
  numbers(): SafetensorsData;
}

/** The bytes of a file with these tensors. Throws `RangeError` for a tensor whose data do not fit its dtype and shape. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const deferred = [...tensors].map(([name, tensor]) => [name, { ...tensor, numbers: () => tensor.data }] as const);
  return joinBytes([...safetensorsPieces(new Map(deferred), metadata)]);
}

/** The same bytes in pieces: the header, then each tensor. */
export function* safetensorsPieces(
  tensors: ReadonlyMap<string, DeferredTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Generator<Uint8Array> {
  const itemSize = (tensor: TensorEntry): number => ARRAYS[tensor.dtype].BYTES_PER_ELEMENT;
  const inOrder = [...tensors].sort(([a, x], [b, y]) => itemSize(y) - itemSize(x) || (a < b ? -1 : 1));

  const fields: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => (a < b ? -1 : 1));
    fields.push(`"__metadata__":{${pairs.map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`).join()}}`);
  }
  let size = 0;
  for (const [name, tensor] of inOrder) {
    checkEntry(name, tensor);
    const end = size + sizeOf(tensor) * itemSize(tensor);
    fields.push(
      `${jsonText(name)}:{"dtype":"${tensor.dtype}","shape":[${tensor.shape}],"data_offsets":[${size},${end}]}`,
    );
    size = end;
  }
  const json = new TextEncoder().encode(`{${fields.join()}}`);
  const headerLength = Math.ceil(json.length / 8) * 8; // aligns the data
  if (headerLength > MAX_HEADER) {
    throw new RangeError(`writeSafetensors: header of ${headerLength} bytes, readers accept at most ${MAX_HEADER}`);
  }
  const head = new Uint8Array(8 + headerLength).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerLength), true);
  head.set(json, 8);
  yield head;
  for (const [name, tensor] of inOrder) {
    const data = tensor.numbers();
    checkNumbers(name, tensor, data);
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}

function checkEntry(name: string, { dtype, shape }: TensorEntry): void {
  const fits = shape.every((side) => Number.isSafeInteger(side) && side >= 0) && shape.length <= MAX_AXES;
  if (name !== "__metadata__" && fits && Object.hasOwn(ARRAYS, dtype)) return;
  throw new RangeError(`writeSafetensors: tensor ${quote(name)}, ${dtype} [${shape}], cannot be stored`);
}

function checkNumbers(name: string, entry: TensorEntry, data: SafetensorsData): void {
  if (data instanceof ARRAYS[entry.dtype] && data.length === sizeOf(entry)) return;
  throw new RangeError(
    `writeSafetensors: tensor ${quote(name)} has ${data.length} numbers in a ${data.constructor.name} for ${entry.dtype} [${entry.shape}]`,
  );
}
