/**
 * Renders emoji drawings to stored pictures: SVG → 96 × 96 → the square around the content → 48 × 48 (iconify.ts).
 *
 * The stroked variant outlines every part in black, 2.6 % of the side wide: most sets draw flat areas, but an
 * unseen set may draw lines.
 */
import { EMOJI_PACKAGES, EMOJI_SETS, type Emoji, type EmojiStyle, emojiJson, iconName } from "./emojiList.ts";
import { type IconSet, renderDrawings, svgOf } from "./iconify.ts";

/** Version of the rendering and storage: a cache of an older recipe is stale. */
export const RECIPE = 1;
const STROKE = 0.026;

const outlined = (side: number): string =>
  `<style>*{stroke:#000!important;stroke-width:${STROKE * side}px!important;stroke-linejoin:round!important;stroke-linecap:round!important;stroke-opacity:1!important}</style>`;

/**
 * Renders `emoji` in one style, cut to the content or whole: [emoji.length, 48, 48, 4], blank where the style has no drawing. Calls
 * `progress` after each.
 */
export async function renderEmoji(
  emoji: readonly Emoji[],
  { style, stroked, trim = true }: { style: EmojiStyle; stroked: boolean; trim?: boolean },
  progress: () => void,
): Promise<Uint8Array> {
  const set = (await emojiJson(`${EMOJI_SETS[style]}/icons.json`)) as IconSet;
  const documentOf = (i: number): string | undefined => {
    const icon = iconName(emoji[i], style);
    return Object.hasOwn(set.icons, icon) ? svgOf(set, icon, stroked ? outlined : undefined) : undefined;
  };
  return renderDrawings(emoji.length, documentOf, { what: "emoji", packages: EMOJI_PACKAGES, trim, progress });
}
