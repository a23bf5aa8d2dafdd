/**
 * Which icons of a set are used: not those that draw nothing, and in a set for validation or testing no near-duplicate
 * (iconDuplicates.ts) of an icon of a set for training (or, in testing, for validation), nor of an earlier icon of the set itself.
 * So what training shows is not tested.
 */

import { type Ink, inkOf, inkOfRows, laterDuplicates, NEAR, nearestIcons } from "./iconDuplicates.ts";
import type { IconUse } from "./iconSets.ts";

/** A set with its pictures, [names.length, side, side, 4]. */
export interface DrawnSet {
  readonly name: string;
  readonly use: IconUse;
  readonly names: readonly string[];
  readonly pictures: Uint8Array;
}

/** Near-duplicates of a set for validation or testing. */
export interface DuplicateCounts {
  readonly set: string;
  /** Icons before duplicates were left out. */
  readonly icons: number;
  /** Icons with a near-duplicate in a set of an earlier use, and how many of these have its name there. */
  readonly leaked: number;
  readonly sameName: number;
  /** Other icons with a near-duplicate in the set itself. */
  readonly repeated: number;
  /** Icons that stay. */
  readonly left: number;
  /** Icons that stay with a near-duplicate in a set of an earlier use, measured again: 0. */
  readonly leakedAfter: number;
}

/** The icons of a set that stay. */
interface Selected {
  readonly use: IconUse;
  readonly names: readonly string[];
  readonly ink: Ink;
}

/** For each icon: whether it has a near-duplicate in other sets, and whether one that is nearest to it has its name. */
function duplicatesIn(others: readonly Selected[], { names, ink }: Omit<Selected, "use">) {
  const nearest = others.map((other) => ({ ...nearestIcons(ink, other.ink), names: other.names }));
  const all = [...names.keys()];
  return {
    leaks: all.map((i) => nearest.some(({ distance }) => distance[i] < NEAR)),
    sameName: all.map((i) =>
      nearest.some(({ distance, item, names: theirs }) => distance[i] < NEAR && theirs[item[i]] === names[i]),
    ),
  };
}

const count = (flags: readonly boolean[]): number => flags.filter(Boolean).length;

/** The rows to use of each set, in order of use: training, validation, test. */
export function selectIcons(
  sets: readonly DrawnSet[],
  side: number,
): { rows: number[][]; duplicates: DuplicateCounts[] } {
  const rows: number[][] = [];
  const duplicates: DuplicateCounts[] = [];
  const before: Selected[] = [];
  for (const { name, use, names, pictures } of sets) {
    const all = inkOf(pictures, side);
    const select = (chosen: readonly number[]) => ({
      names: chosen.map((row) => names[row]),
      ink: inkOfRows(all, chosen),
    });
    let kept = [...names.keys()].filter((row) => all.squares[row] > 0);
    if (use !== "train") {
      const others = before.filter((other) => other.use !== use);
      const { leaks, sameName } = duplicatesIn(others, select(kept));
      const unseen = kept.filter((_, i) => !leaks[i]);
      const repeated = laterDuplicates(select(unseen).ink);
      const left = unseen.filter((_, i) => !repeated.has(i));
      duplicates.push({
        set: name,
        icons: kept.length,
        leaked: count(leaks),
        sameName: count(sameName),
        repeated: repeated.size,
        left: left.length,
        leakedAfter: count(duplicatesIn(others, select(left)).leaks),
      });
      kept = left;
    }
    rows.push(kept);
    before.push({ use, ...select(kept) });
  }
  return { rows, duplicates };
}
