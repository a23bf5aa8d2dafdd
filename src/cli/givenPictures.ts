/** The pictures of files and folders that a command is given, embedded, with notes on stderr of what was skipped or mostly cut off. */
import { PictureError } from "../data/index.ts";
import { printable } from "../formats/index.ts";
import { embedFiles, type Gallery, type OpenModel, unknownPictures } from "../run/index.ts";
import { deviceCount } from "./devices.ts";
import { warn } from "./print.ts";

/** Embeds files and folders. Throws `PictureError` if no picture is left; `command` is for the message. */
export async function givenPictures(command: string, paths: readonly string[], model: OpenModel): Promise<Gallery> {
  const gallery = await embedFiles(paths, model, warn, deviceCount(undefined));
  const { names, skipped, mostlyCut } = gallery;
  const skippedText = Object.keys(skipped).length > 0 ? `skipped: ${kindsInWords(skipped)}` : undefined;
  if (names.length === 0) {
    const what = `no readable picture in ${paths.map(printable).join(", ")}`;
    throw new PictureError(
      `${command}: ${what}${skippedText ? ` (${skippedText})` : ""}; give files or a folder`,
      "missing",
    );
  }
  if (skippedText !== undefined) process.stderr.write(`${skippedText}\n`);
  if (mostlyCut > 0) {
    const how = "cropped to the drawing in them and lost more than half of their area";
    process.stderr.write(`${mostlyCut} of ${names.length} pictures were ${how}\n`);
  }
  const unknown = model.run && unknownPictures(model.run, gallery.kinds);
  if (unknown !== undefined) warn(unknown);
  return gallery;
}

/** Known picture formats that cannot be read. */
const UNREADABLE: Readonly<Record<string, string>> = {
  heic: "HEIC",
  bmp: "BMP",
  jxl: "JPEG XL",
  jp2: "JPEG 2000",
  psd: "Photoshop",
};

/** `214 HEIC, 3 BMP (cannot be read here), 1 damaged, 1 missing, 12 that are not pictures` */
export function kindsInWords(skipped: Readonly<Record<string, number>>): string {
  const known = Object.keys(UNREADABLE).filter((kind) => kind in skipped);
  const { damaged = 0, shape = 0, missing = 0 } = skipped;
  const all = Object.values(skipped).reduce((sum, count) => sum + count, 0);
  const others = all - known.reduce((sum, kind) => sum + skipped[kind], 0) - damaged - shape - missing;
  return [
    ...(known.length > 0
      ? [`${known.map((kind) => `${skipped[kind]} ${UNREADABLE[kind]}`).join(", ")} (cannot be read here)`]
      : []),
    ...(damaged > 0 ? [`${damaged} damaged`] : []),
    ...(shape > 0 ? [`${shape} of an unsuitable shape`] : []),
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(others > 0 ? [others === 1 ? "1 that is not a picture" : `${others} that are not pictures`] : []),
  ].join(", ");
}
