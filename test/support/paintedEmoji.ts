/** A picture cache whose emoji are random paintings: commands that train on emoji then need not render drawings, which takes long. */
import { join } from "node:path";
import { keyOf, nameOf } from "../../src/data/emoji.ts";
import { type EmojiStyle, emojiList } from "../../src/data/index.ts";
import { writePictures } from "../../src/data/pictureCache.ts";
import { STORED_BYTES } from "../../src/data/storedPicture.ts";
import { Rng } from "../../src/tensor/index.ts";

/** Fills a cache folder with paintings of all emoji in some styles, not outlined. */
export async function paintEmoji(cache: string, styles: readonly EmojiStyle[]): Promise<void> {
  const emoji = await emojiList();
  for (const style of styles) {
    const variant = { style, stroked: false, trim: true };
    const rng = new Rng(0).split(style);
    const pictures = new Uint8Array(emoji.length * STORED_BYTES).fill(255);
    // A square of one colour for each emoji.
    for (let i = 0; i < emoji.length; i++) {
      const colour = [rng.integer(256), rng.integer(256), rng.integer(256)];
      for (let at = 0; at < STORED_BYTES; at += 4) pictures.set(colour, i * STORED_BYTES + at);
    }
    await writePictures(join(cache, `${nameOf(variant)}.bin`), await keyOf(emoji, variant), pictures);
  }
}
