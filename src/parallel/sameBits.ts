/**
 * A check against silent corruption: what all ranks must hold alike is compared, bit by bit, through hashes.
 *
 * Ranks that apply the same gradients to the same parameters stay equal to the last bit. When a bit turns over on one of them
 * they differ from then on, unless rounding brings them together again.
 *
 * It finds whatever happens to the numbers of one rank: memory, a kernel that computes otherwise, an update that is missing.
 * It cannot find what all ranks share: a pixel, an activation or a gradient that was altered before the ranks' sum of it.
 */
import { scope, type Tensor, tensor } from "../tensor/index.ts";
import type { Communicator } from "./communicator.ts";
import { CorruptionError } from "./errors.ts";
import { hashBits } from "./hash.ts";

const MOST_NAMED = 3; // tensors

/**
 * Throws `CorruptionError`, on every rank, unless all ranks hold the same bits in these tensors; the error begins with `when`.
 * One exchange of eight bytes a tensor.
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
    `${when}: ${who}, ${where}; memory was altered silently: test the memory of this machine before going on`,
    suspects,
  );
}

/** Who is wrong: all but the largest group, where there is one largest. */
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
  return { who: `${who} other bits than the rest`, suspects };
}
