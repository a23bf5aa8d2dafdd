/**
 * Renders emoji drawings to stored pictures: SVG → 96 × 96 → the square around the content → 48 × 48 (storedPicture.ts).
 *
 * The stroked variant outlines every part in black, 2.6 % of the side wide: most sets draw flat areas, but an
 * unseen set may draw lines.
 */
import { EMOJI_PACKAGES, EMOJI_SETS, type Emoji, type EmojiStyle, emojiJson, iconName } from "./emojiList.ts";
import { loadSharp } from "./packages.ts";
import { STORED_BYTES, storedPicture, wholeSquare } from "./storedPicture.ts";

/** Version of the rendering and storage: a cache of an older recipe is stale. */
export const RECIPE = 1;
const RENDERED = 96;
const STROKE = 0.026;
/** Drawings that are rendered at a time. */
const IN_FLIGHT = 16;

interface IconSet {
  readonly width: number;
  readonly height: number;
  readonly icons: Readonly<
    Record<string, { body: string; width?: number; height?: number; left?: number; top?: number }>
  >;
}

/** The drawing as an SVG document of 96 × 96. */
function svgOf(set: IconSet, icon: string, stroked: boolean): string {
  const { body, width = set.width, height = set.height, left = 0, top = 0 } = set.icons[icon];
  const style = stroked
    ? `<style>*{stroke:#000!important;stroke-width:${STROKE * Math.max(width, height)}px!important;stroke-linejoin:round!important;stroke-linecap:round!important;stroke-opacity:1!important}</style>`
    : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${RENDERED}" height="${RENDERED}" viewBox="${left} ${top} ${width} ${height}">${style}${body}</svg>`;
}

/**
 * Renders `emoji` in one style, cut to the content or whole: [emoji.length, 48, 48, 4], blank where the style has no drawing. Calls
 * `progress` after each.
 */
export async function renderEmoji(
  emoji: readonly Emoji[],
  { style, stroked, trim = true }: { style: EmojiStyle; stroked: boolean; trim?: boolean },
  progress: () => void,
): Promise<Uint8Array> {
  const sharp = await loadSharp("emoji", EMOJI_PACKAGES);
  const set = (await emojiJson(`${EMOJI_SETS[style]}/icons.json`)) as IconSet;
  const pictures = new Uint8Array(emoji.length * STORED_BYTES);
  let next = 0;
  const work = async () => {
    while (next < emoji.length) {
      const i = next++;
      const icon = iconName(emoji[i], style);
      if (Object.hasOwn(set.icons, icon)) {
        const svg = Buffer.from(svgOf(set, icon, stroked));
        const { data, info } = await sharp(svg).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
        const { width, height } = info;
        const crop = trim ? undefined : wholeSquare(width, height);
        pictures.set(storedPicture(data, width, height, crop), i * STORED_BYTES);
      }
      progress();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return pictures;
}
