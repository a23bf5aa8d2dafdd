/** Limits on the address space of a process (`ulimit -v`): threads reserve far more of it than the memory they use. */
import { readFileSync } from "node:fs";
import { DeviceError } from "../parallel/index.ts";
import { SystemMemoryError } from "../tensor/index.ts";

/** The limit in bytes, from the text of /proc/self/limits; undefined if there is none. */
export function addressLimit(limits: string): number | undefined {
  const soft = /^Max address space +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function ownLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // not Linux
  }
}

/** A hint to add to the message of an error that such a limit may cause; empty for all others. */
export function addressSpaceHint(error: unknown, limits = ownLimits): string {
  const why = error instanceof DeviceError ? error.cause : error;
  if (!(why instanceof Error)) return "";
  const code = "code" in why ? why.code : undefined;
  const isMemory =
    why.name === SystemMemoryError.name ||
    code === "ERR_WORKER_OUT_OF_MEMORY" ||
    code === "ERR_WORKER_INIT_FAILED" ||
    /could not allocate memory/i.test(why.message);
  const limit = isMemory ? addressLimit(limits()) : undefined;
  if (limit === undefined) return "";
  return `\nthe address space of this process is limited to ${(limit / 2 ** 30).toFixed(1)} GiB (ulimit -v), and every thread reserves more than 10 GiB of it; raise the limit (ulimit -v unlimited), or use fewer --devices`;
}
