/** The weights of a model by the paths of its parameters. */
import type { SafetensorsTensor } from "../formats/index.ts";
import { sha256 } from "./checkpoint.ts";

/** Weights by path. */
export type Weights = ReadonlyMap<string, Weight>;

/** A parameter: its shape, and its numbers in F32. */
export type Weight = Pick<SafetensorsTensor, "shape"> & { readonly data: ArrayLike<unknown> };

/** SHA-256 of the weights whose path begins with `begin`: of their paths, shapes and numbers. */
export function sha256OfWeights(weights: Weights, begin = ""): string {
  const hashes = [...weights]
    .filter(([path]) => path.startsWith(begin))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { shape, data }]) => {
      const numbers = data as Float32Array;
      return [path, shape, sha256(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength))];
    });
  return sha256(JSON.stringify(hashes));
}

/** The weights of a checkpoint, without the state of the optimizer. */
export const weightsOf = ({ tensors }: { readonly tensors: Weights }): Weights =>
  new Map([...tensors].flatMap(([name, tensor]) => (name.startsWith("model/") ? [[name.slice(6), tensor]] : [])));
