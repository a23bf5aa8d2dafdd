/** When a photograph was taken, from the EXIF data in its file. */
import exifReader from "exif-reader";
import { loadSharp } from "./packages.ts";

/**
 * The time that the clock of the camera showed, without a time zone: "2024-05-31T18:02:11"; undefined if the file has none, or
 * damaged EXIF data, which do not make a picture unreadable. `bytes`: an image file.
 */
export async function takenAt(bytes: Uint8Array): Promise<string | undefined> {
  const sharp = await loadSharp("picture");
  try {
    const { exif } = await sharp(bytes).metadata();
    if (exif === undefined) return undefined;
    const { Photo, Image } = exifReader(exif);
    // The reader takes the time as UTC, so its digits are those in the file.
    const date = Photo?.DateTimeOriginal ?? Photo?.DateTimeDigitized ?? Image?.DateTime;
    return date instanceof Date && date.getTime() > 0 ? date.toISOString().slice(0, 19) : undefined;
  } catch {
    return undefined;
  }
}
