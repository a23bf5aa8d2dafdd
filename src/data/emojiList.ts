/**
 * The emoji that four picture sets draw, with their English names: 1,594 of them. A fifth, EmojiOne, draws 1,038 of these.
 *
 * Sets and names are joined by code points: lower-case hex, separated by "-", without FE0F (the emoji variation selector, which
 * only some sets write). Base emoji only: no skin-tone variants, components or regional letters.
 *
 * Names and tags: emojibase-data (MIT), which restates Unicode CLDR. Order: Unicode's.
 */
import { packageJson } from "./packages.ts";

/** The package of each style. Licences of the drawings: Apache-2.0, CC-BY-4.0, MIT, CC-BY-SA-4.0, CC-BY-4.0. */
export const EMOJI_SETS = {
  noto: "@iconify-json/noto",
  twemoji: "@iconify-json/twemoji",
  fluent: "@iconify-json/fluent-emoji-flat",
  openmoji: "@iconify-json/openmoji",
  emojione: "@iconify-json/emojione",
} as const;

/** A drawing style. */
export type EmojiStyle = keyof typeof EMOJI_SETS;
/** The drawing styles that have every emoji of the list. */
export const EMOJI_STYLES = ["noto", "twemoji", "fluent", "openmoji"] as const;
/** A drawing style that has every emoji of the list. */
export type FullEmojiStyle = (typeof EMOJI_STYLES)[number];

/** The optional packages that emoji data need. */
export const EMOJI_PACKAGES: readonly string[] = ["sharp", "emojibase-data", ...Object.values(EMOJI_SETS)];

/** An emoji and its drawings. */
export interface Emoji {
  /** "1f469-200d-1f680" */
  readonly code: string;
  /** "woman astronaut" */
  readonly name: string;
  /** "astronaut", "rocket", "space", ...: many emoji share a tag. */
  readonly tags: readonly string[];
  /** Unicode's group: "animals-nature". */
  readonly group: string;
  /** Unicode's subgroup: "animal-mammal". */
  readonly subgroup: string;
  /** Name of its icon in each set that has every emoji. */
  readonly icon: Readonly<Record<FullEmojiStyle, string>>;
}

interface EmojibaseEntry {
  readonly label: string;
  readonly hexcode: string;
  readonly tags?: readonly string[];
  readonly order?: number;
  readonly group?: number;
  readonly subgroup?: number;
}

interface EmojibaseGroups {
  /** Names by number. */
  readonly groups: Readonly<Record<string, string>>;
  readonly subgroups: Readonly<Record<string, string>>;
}

/** Unicode's group of components: skin tones and hair. */
const COMPONENTS = 2;

/** A sequence of code points as the key of an emoji. */
export const codeOf = (hexcode: string): string =>
  hexcode
    .toLowerCase()
    .split("-")
    .filter((point) => point !== "fe0f")
    .join("-");

/** Reads a JSON file of one of the emoji packages. */
export const emojiJson = (path: string): Promise<unknown> => packageJson(path, "emoji", EMOJI_PACKAGES);

/**
 * The name of an emoji's icon in a set, if it has one. EmojiOne lists no code points; Iconify names the icons of one emoji alike
 * in all sets but fluent, so it is joined by noto's names.
 */
export const iconName = ({ icon }: Emoji, style: EmojiStyle): string => icon[style === "emojione" ? "noto" : style];

/** All emoji of the four full styles, in Unicode's order. Throws `MissingPackageError`. */
export async function emojiList(): Promise<readonly Emoji[]> {
  const entries = (await emojiJson("emojibase-data/en/data.json")) as EmojibaseEntry[];
  const { groups, subgroups } = (await emojiJson("emojibase-data/meta/groups.json")) as EmojibaseGroups;
  const icons = await Promise.all(
    EMOJI_STYLES.map(async (style) => {
      const chars = (await emojiJson(`${EMOJI_SETS[style]}/chars.json`)) as Record<string, string>;
      return [style, new Map(Object.entries(chars).map(([code, icon]) => [codeOf(code), icon]))] as const;
    }),
  );
  return entries
    .filter((entry) => entry.order !== undefined && entry.group !== COMPONENTS)
    .sort((a, b) => a.order! - b.order!)
    .map(({ label, hexcode, tags, group, subgroup }) => ({
      code: codeOf(hexcode),
      name: label.toLowerCase(),
      tags: tags ?? [],
      group: groups[group!],
      subgroup: subgroups[subgroup!],
    }))
    .filter(({ code }) => icons.every(([, set]) => set.has(code)))
    .map((emoji) => ({
      ...emoji,
      icon: Object.fromEntries(icons.map(([style, set]) => [style, set.get(emoji.code)!])) as Emoji["icon"],
    }));
}
