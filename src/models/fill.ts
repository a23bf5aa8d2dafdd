/** Compares links with the tensors of a file, and fills parameters by them. */
import { FormatError, quote, type SafetensorsTensor, sizeOf, type TensorSource, toFloat32 } from "../formats/index.ts";
import { type Grid, type Resampling, resamplePositions } from "../nn/index.ts";
import { type Shape, type Tensor, tensor, total } from "../tensor/index.ts";
import { copyLink, type Link, piecesOf } from "./link.ts";

/** Numbers that are read at a time: they fit into a cache. */
const PIECE = 2 ** 18;
/** Holds a piece; kept, since new memory costs more time than reading. */
let buffer = new ArrayBuffer(0);
const FLOATS = new Set(["F32", "F16", "BF16", "F64"]);

const withoutOnes = (shape: Shape): string => shape.filter((side) => side !== 1).join();

/** Throws `FormatError` with all tensors that are missing, misshapen, of another type, or left over. */
export function checkTensors(
  links: readonly Link[],
  source: TensorSource,
  file: string,
  isLeftOver: (name: string) => boolean,
): void {
  const expected = new Map(links.map(({ name, shape }) => [name, shape]));
  const problems: string[] = [];
  for (const [name, shape] of expected) {
    const found = source.entries.get(name);
    if (found === undefined) problems.push(`${quote(name)} [${shape}] is missing`);
    else if (withoutOnes(found.shape) !== withoutOnes(shape) || sizeOf(found) !== sizeOf({ shape })) {
      problems.push(`${quote(name)} is [${found.shape}], not [${shape}]`);
    } else if (!FLOATS.has(found.dtype)) problems.push(`${quote(name)} is ${found.dtype}, not floating-point`);
  }
  for (const name of source.entries.keys()) {
    if (!expected.has(name) && isLeftOver(name)) problems.push(`${quote(name)} is not part of the model`);
  }
  if (problems.length === 0) return;
  throw new FormatError("MODEL_MISMATCH", file, 0, `${problems.length} tensors do not fit: ${problems.join("; ")}`);
}

/** Reads the numbers of all links into arrays by path. */
export function readLinks(
  links: readonly Link[],
  source: TensorSource,
  into: (path: string) => Float32Array | Float64Array,
): void {
  for (const link of links) {
    const ours = into(link.path);
    for (const [begin, end] of piecesOf(link, PIECE)) {
      if (8 * (end - begin) > buffer.byteLength) buffer = new ArrayBuffer(8 * Math.max(PIECE, end - begin));
      const stored = source.read(link.name, link.start + begin, link.start + end, buffer);
      copyLink(link, "read", ours, numbersOf(stored), begin);
    }
  }
}

/** The numbers of a tensor that was read, widened to 32 bits. */
export const numbersOf = (stored: SafetensorsTensor): Float32Array | Float64Array =>
  stored.dtype === "F64" || stored.dtype === "F32" ? (stored.data as Float32Array) : toFloat32(stored);

/** How many numbers of a tensor are NaN or infinite. If any is, so is their sum, which takes less time than to count. */
export function nonFiniteIn(x: Tensor): number {
  if (Number.isFinite(total(x))) return 0;
  let count = 0;
  for (const value of x.data) if (!Number.isFinite(value)) count++;
  return count;
}

/** Learned positions on another grid, by the rule of a layout. */
export function resampled(table: Float32Array | Float64Array, from: Grid, to: Grid, rule: Resampling): Float64Array {
  const positions = tensor(table, [from[0] * from[1], table.length / (from[0] * from[1])], "f64");
  return Float64Array.from(resamplePositions(positions, from, to, rule).data);
}
