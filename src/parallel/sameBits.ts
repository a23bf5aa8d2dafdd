/**
 * A check against silent corruption: ranks compare hashes of numbers that must be bit-identical on all of them.
 *
 * Ranks that apply the same gradients to the same parameters stay bit-identical. When a bit flips on one of them, they differ
 * from then on, unless rounding removes the difference.
 *
 * It finds changes on one rank: a memory fault, a kernel with other results, a missing update. It cannot find changes that
 * reach all ranks: a pixel, an activation or a gradient that is altered before the sum over ranks.
 */
import { scope, type Tensor, tensor } from "../tensor/index.ts";
import type { Communicator } from "./communicator.ts";
import { CorruptionError } from "./errors.ts";
import { hashBits } from "./hash.ts";

const MOST_NAMED = 3; // tensors

/**
 * Throws `CorruptionError` on every rank unless these tensors are bit-identical on all ranks; the error begins with `when`.
 * Costs one exchange of eight bytes per tensor.
 */
export function requireSameBits(comm: Communicator, tensors: ReadonlyMap<string, Tensor>, when: string): void {
  if (comm.size === 1) return;
  const { size } = comm;
  const mine = [...tensors.values()].map(({ data }) => hashBits(data));
  const hashes = scope(() => comm.allGather(tensor(mine, [mine.length], "f64")).toArray()); // [size, tensors]
  const rows = Array.from({ length: size }, (_, rank) =>
    Array.from(hashes.subarray(rank * mine.length, (rank + 1) * mine.length)),
  );
  const groups = new Map<string, number[]>(); // ranks that agree with each other
  rows.forEach((row, rank) => {
    const key = row.join();
    groups.set(key, [...(groups.get(key) ?? []), rank]);
  });
  if (groups.size === 1) return;
  const names = [...tensors.keys()].filter((_, i) => rows.some((row) => row[i] !== rows[0][i]));
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  const where = `in ${names.slice(0, MOST_NAMED).join(", ")}${more}`;
  const { who, suspects } = minority([...groups.values()], size);
  throw new CorruptionError(
    `${when}: ${who}, ${where}; memory was corrupted silently: test the memory of this machine before you go on`,
    suspects,
  );
}

/** The ranks outside the largest group are wrong; with two largest groups nobody can tell. */
function minority(groups: readonly number[][], size: number): { who: string; suspects: number[] } {
  const [largest, second] = groups.toSorted((a, b) => b.length - a.length);
  if (largest.length === second.length) {
    const each = groups.map((ranks) => (ranks.length === 1 ? `${ranks[0]}` : `{${ranks.join(", ")}}`));
    return { who: `ranks ${each.join(" and ")} hold different bits`, suspects: [] };
  }
  const suspects = groups
    .filter((ranks) => ranks !== largest)
    .flat()
    .sort((a, b) => a - b);
  const who =
    suspects.length === 1 ? `rank ${suspects[0]} of ${size} holds` : `ranks ${suspects.join(", ")} of ${size} hold`;
  return { who: `${who} different bits from the rest`, suspects };
}
