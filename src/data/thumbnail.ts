/** Small copies of picture files for pages. */
import { decode } from "./decode.ts";
import { loadSharp } from "./packages.ts";
import { readBytes } from "./pictureBytes.ts";
import { PictureError } from "./pictureError.ts";

/** Twice the height at which pages show them, for fine displays. */
const SIDE = 384;

/** A picture file, reduced and on white, as a data URI of a JPEG; undefined if it cannot be read. */
export async function thumbnail(file: string): Promise<string | undefined> {
  try {
    const { data, width, height, channels } = await decode(await readBytes(file), file, (picture) =>
      picture
        .toColourspace("srgb")
        .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
        .flatten({ background: "#fff" }),
    );
    const sharp = await loadSharp("picture");
    const raw = { width, height, channels: channels as 1 | 3 };
    const jpeg = await sharp(data, { raw }).jpeg({ quality: 80 }).toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch (error) {
    if (error instanceof PictureError) return undefined;
    throw error;
  }
}
