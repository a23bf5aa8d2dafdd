/**
 * A disk that fails in the threads of an unmodified program, just after the main thread has used it: started with `--import faultyDisk.ts?fault=reads`, a thread that reads a checkpoint or a configuration gets EIO; with
 * `fault=full` it finds one byte of free space.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const fault = new URL(import.meta.url).searchParams.get("fault");

if (!isMainThread && fault === "reads") {
  const { openSync } = fs;
  fs.openSync = (path, flags, mode) => {
    if (flags === "r" && /checkpoint\/|config\.json$/.test(String(path))) {
      throw Object.assign(new Error(`EIO: i/o error, open '${path}'`), { code: "EIO" });
    }
    return openSync(path, flags, mode);
  };
  syncBuiltinESMExports();
}

if (!isMainThread && fault === "full") {
  Object.assign(fs, { statfsSync: () => ({ bavail: 1, bsize: 1 }) });
  syncBuiltinESMExports();
}

/** Arguments of Node. */
export const faultyDisk = (fault: "reads" | "full"): string[] => ["--import", `${import.meta.url}?fault=${fault}`];
