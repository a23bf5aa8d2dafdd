/** What a model cannot know, by what it was trained on. */
import type { Config } from "./config.ts";

/** Data sets of drawings alone, in words. */
const DRAWINGS: Readonly<Record<string, string>> = {
  emoji: "emoji",
  "emoji-unseen": "emoji",
  icons: "icons",
  shapes: "drawn shapes",
};

/** The kinds of files, as in `sniffFile`, that hold photographs: other formats hold drawings too. */
const PHOTOGRAPHS = ["jpeg", "avif"];

/**
 * A warning if a run has seen drawings alone and is asked about photographs; `kinds`: files by kind. Undefined for a run that
 * started from other weights, since those may know more.
 */
export function unknownPictures(
  { data, train }: Pick<Config, "data" | "train">,
  kinds: Readonly<Record<string, number>>,
): string | undefined {
  const drawings = DRAWINGS[data.name];
  const photographs = PHOTOGRAPHS.reduce((sum, kind) => sum + (kinds[kind] ?? 0), 0);
  if (drawings === undefined || train.init !== "none" || photographs === 0) return undefined;
  const count = `${photographs} ${photographs === 1 ? "picture is a photograph" : "pictures are photographs"}`;
  return `the model was trained on ${drawings} alone, and ${count} by the format of the file (JPEG or AVIF): what it says of photographs means little`;
}
