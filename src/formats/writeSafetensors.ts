/**
 * Writes safetensors (format: see safetensors.ts). Equal tensors give equal bytes: tensors are ordered by item size, then name,
 * which also aligns every array; metadata by key.
 */
import { quote } from "./formatError.ts";
import { jsonText } from "./json.ts";
import { ARRAYS, MAX_AXES, MAX_HEADER, type SafetensorsTensor } from "./safetensors.ts";

/** The bytes of a file with these tensors. Throws `RangeError` for a tensor whose data do not fit its dtype and shape. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const itemSize = (tensor: SafetensorsTensor): number => ARRAYS[tensor.dtype].BYTES_PER_ELEMENT;
  const inOrder = [...tensors].sort(([a, x], [b, y]) => itemSize(y) - itemSize(x) || (a < b ? -1 : 1));

  const fields: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => (a < b ? -1 : 1));
    fields.push(`"__metadata__":{${pairs.map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`).join()}}`);
  }
  let size = 0;
  for (const [name, tensor] of inOrder) {
    checkTensor(name, tensor);
    const end = size + tensor.data.byteLength;
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

  const out = new Uint8Array(8 + headerLength + size);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerLength), true);
  out.fill(0x20, 8, 8 + headerLength);
  out.set(json, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of inOrder) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

function checkTensor(name: string, { dtype, shape, data }: SafetensorsTensor): void {
  const fits = shape.every((side) => Number.isSafeInteger(side) && side >= 0) && shape.length <= MAX_AXES;
  if (
    name !== "__metadata__" &&
    fits &&
    data instanceof ARRAYS[dtype] &&
    data.length === shape.reduce((a, b) => a * b, 1)
  ) {
    return;
  }
  throw new RangeError(
    `writeSafetensors: tensor ${quote(name)} has ${data.length} numbers in a ${data.constructor.name} for ${dtype} [${shape}]`,
  );
}
