/**
 * A disk on which threads cannot read run folders, for a program that knows nothing of it: started with
 * `--import failingReads.ts`, a worker that opens a file of a run gets EIO, as from a disk that failed a moment after the main
 * thread had read it. What is opened for writing is left alone.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  const { openSync } = fs;
  fs.openSync = (path, flags, mode) => {
    if (flags === "r" && /checkpoint\/|config\.json$/.test(String(path))) {
      throw Object.assign(new Error(`EIO: i/o error, open '${path}'`), { code: "EIO" });
    }
    return openSync(path, flags, mode);
  };
  syncBuiltinESMExports();
}

/** What to start Node with. */
export const failingReads: readonly string[] = ["--import", import.meta.url];
