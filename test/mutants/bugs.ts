/**
 * Seeded bugs: a mistake as a change of the source at one place. A suite is good when every one of them is killed.
 *
 * lossBugs.ts has mistakes that other implementations of distributed losses made, softmaxBugs.ts, viewBugs.ts and negativesBugs.ts those of other losses,
 * evalBugs.ts and searchBugs.ts mistakes whose results look right; the other lists have changes of this project's own code that an earlier suite
 * did not notice.
 */

import type { Bug, Place } from "./bug.ts";
import { dataBugs } from "./dataBugs.ts";
import { deviceBugs } from "./deviceBugs.ts";
import { evalBugs } from "./evalBugs.ts";
import { lossBugs } from "./lossBugs.ts";
import { negativesBugs } from "./negativesBugs.ts";
import { optimBugs } from "./optimBugs.ts";
import { runBugs } from "./runBugs.ts";
import { searchBugs } from "./searchBugs.ts";
import { softmaxBugs } from "./softmaxBugs.ts";
import { viewBugs } from "./viewBugs.ts";

export const bugs: readonly Bug[] = [
  ...lossBugs,
  ...softmaxBugs,
  ...viewBugs,
  ...negativesBugs,
  ...deviceBugs,
  ...optimBugs,
  ...runBugs,
  ...dataBugs,
  ...evalBugs,
  ...searchBugs,
];

/** The source of a file with the change made. Throws unless the place is there, once. */
export function changed(source: string, { file, find, replace }: Place): string {
  const found = source.split(find).length - 1;
  if (found !== 1) throw new Error(`mutants: src/${file} has ${found} times, not once: ${find}`);
  return source.replace(find, () => replace);
}
