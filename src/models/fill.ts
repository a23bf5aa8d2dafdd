/** Compares links with the tensors of a file, and fills parameters by them. */
import { countNonFinite, FormatError, quote, sizeOf, type TensorSource, toFloat32 } from "../formats/index.ts";
import { type Grid, type Resampling, resamplePositions } from "../nn/index.ts";
import { type Shape, tensor } from "../tensor/index.ts";
import { copyLink, type Link, linkSize } from "./link.ts";

/** Numbers that are read at a time. */
const PIECE = 2 ** 22;
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

/** Reads the numbers of all links into arrays by path; returns how many are NaN or infinite. */
export function readLinks(
  links: readonly Link[],
  source: TensorSource,
  into: (path: string) => Float32Array | Float64Array,
): number {
  let nonFinite = 0;
  for (const link of links) {
    const ours = into(link.path);
    for (let begin = 0; begin < linkSize(link); begin += PIECE) {
      const end = Math.min(begin + PIECE, linkSize(link));
      const stored = source.read(link.name, link.start + begin, link.start + end);
      nonFinite += countNonFinite(stored);
      const numbers = stored.dtype === "F64" ? (stored.data as Float64Array) : toFloat32(stored);
      copyLink(link, "read", ours, numbers, begin, end);
    }
  }
  return nonFinite;
}

/** Learned positions on another grid, by the rule of a layout. */
export function resampled(table: Float32Array | Float64Array, from: Grid, to: Grid, rule: Resampling): Float64Array {
  const positions = tensor(table, [from[0] * from[1], table.length / (from[0] * from[1])], "f64");
  return Float64Array.from(resamplePositions(positions, from, to, rule).data);
}
