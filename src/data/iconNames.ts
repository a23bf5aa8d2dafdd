/**
 * The icons of a set by their name in words: `calendar-add-24-regular` is "calendar add".
 *
 * Sets end the name of an icon with its style and its size. These words are dropped, so that one name is drawn by many sets:
 *
 *   the style suffixes that the set declares (`metadata.json`), STYLES, and numbers: sizes, and the counter of `leaf-03`
 *
 * One icon of each name stays, the plainest: one without a style word or with one of PLAIN, then the one with the fewest dropped
 * words, then the first of the set. Aliases and icons that a set has withdrawn (`hidden`) are left out.
 */

import type { IconSet } from "./iconify.ts";

/** Words at the end of a name that are a style in every set. */
const STYLES = ["outline", "outlined", "line", "linear", "fill", "filled", "solid", "duotone", "twotone", "rounded"];
/** Styles that draw lines of the usual width. */
const PLAIN: readonly string[] = ["outline", "outlined", "line", "linear", "regular"];
const NUMBER = /^\d+(px)?$/;

/** An icon of a set, with its name in words. */
export interface NamedIcon {
  /** "calendar add" */
  readonly name: string;
  /** "calendar-add-24-regular" */
  readonly icon: string;
}

interface Split {
  readonly name: string;
  readonly dropped: readonly string[];
}

/** The words of a name without those of its style. */
function split(icon: string, declared: ReadonlySet<string>): Split {
  const words = icon.split("-").filter((word) => word !== "");
  const dropped: string[] = [];
  while (words.length > 1 && (declared.has(words.at(-1)!) || NUMBER.test(words.at(-1)!))) dropped.push(words.pop()!);
  return { name: words.join(" "), dropped };
}

const isPlain = ({ dropped }: Split): boolean => dropped.every((word) => PLAIN.includes(word) || NUMBER.test(word));

/** Whether `a` is plainer than `b`. */
function isPlainer(a: Split, b: Split): boolean {
  const [plainA, plainB] = [isPlain(a), isPlain(b)];
  return plainA === plainB ? a.dropped.length < b.dropped.length : plainA;
}

/** One icon for each name of a set, in the order of the set; `suffixes` are the styles that it declares: "24-filled". */
export function namedIcons(set: IconSet, suffixes: readonly string[]): readonly NamedIcon[] {
  const declared = new Set([...STYLES, ...suffixes.flatMap((suffix) => suffix.split("-"))]);
  const best = new Map<string, Split & { readonly icon: string }>();
  for (const [icon, { hidden }] of Object.entries(set.icons)) {
    const found = { ...split(icon, declared), icon };
    if (hidden || !/[a-z]/i.test(found.name)) continue;
    const before = best.get(found.name);
    if (before === undefined || isPlainer(found, before)) best.set(found.name, found);
  }
  return Array.from(best.values(), ({ name, icon }) => ({ name, icon }));
}
