/** How commands open data: progress and warnings on stderr, pictures in the user's cache, decoded on all cores. */
import type { Opening } from "../run/index.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { deviceCount } from "./devices.ts";
import { note, warn } from "./print.ts";
import { showRendering } from "./renderProgress.ts";

/** The images of the user, which a command opens several times. */
const files: Opening["files"] = {};

export const opening = ({ listsBadRows = false }: Pick<Opening, "listsBadRows"> = {}): Opening => ({
  files,
  listsBadRows,
  progress: showRendering(),
  note,
  warn,
  cache: cacheFolder(),
  threads: deviceCount(undefined),
});
