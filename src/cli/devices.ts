/** The number of devices of a command, the number of shards of a batch, and the deadline for heartbeats. */
import { availableParallelism } from "node:os";
import { usageError } from "./usageError.ts";

const MOST = 64;

/** The `--devices` option; by default the number of cores. Throws `ConfigError` if it is not a valid number of devices. */
export function deviceCount(option: string | undefined): number {
  if (option === undefined) return Math.min(availableParallelism(), MOST);
  const count = /^\d+$/.test(option) ? Number(option) : Number.NaN;
  if (count >= 1 && count <= MOST) return count;
  throw usageError("--devices", `--devices ${option} is not an integer from 1 to ${MOST}`);
}

/**
 * The number of devices that share `parts` equal parts of the work, called `what` in messages, evenly.
 *
 * Throws `ConfigError` if `--devices` does not divide the parts. Without that option it is the largest number up to the number
 * of cores that divides them and on which the work fits; a note on stderr says if cores are left idle.
 */
export function devicesThatShare(
  option: string | undefined,
  parts: number,
  what: string,
  fits: (devices: number) => boolean = () => true,
): number {
  const wanted = deviceCount(option);
  if (option !== undefined) {
    if (parts % wanted === 0) return wanted;
    const detail = `--devices ${option} cannot share ${what} evenly; use a number of devices that divides ${parts}`;
    throw usageError("--devices", detail);
  }
  const even = Array.from({ length: Math.min(parts, wanted) }, (_, i) => i + 1).filter((count) => parts % count === 0);
  const most = even.at(-1) as number; // one device shares anything
  const devices = even.findLast(fits) ?? most;
  if (devices < wanted) {
    const counted = devices === 1 ? "1 device" : `${devices} devices`;
    const memory = devices < most ? " and within their memory" : "";
    process.stderr.write(`note: ${counted} on ${wanted} cores: more cannot share ${what} evenly${memory}\n`);
  }
  return devices;
}

/**
 * The default number of shards: the number of devices, but at least two, so that one and two devices give the same bits. If
 * that does not divide the batch, one per device. The number of devices must divide the batch.
 */
export function defaultShards(batch: number, devices: number): number {
  const wanted = Math.max(2, devices);
  return batch % wanted === 0 ? wanted : devices;
}

const SECONDS = { least: 1, initial: 30, most: 86_400 } as const;

/** The `--deadline` option in milliseconds. Throws `ConfigError` if it is not a valid number of seconds. */
export function deadlineOf(option: string | undefined): number {
  if (option === undefined) return 1000 * SECONDS.initial;
  const seconds = /^\d+(\.\d+)?$/.test(option) ? Number(option) : Number.NaN;
  if (seconds >= SECONDS.least && seconds <= SECONDS.most) return 1000 * seconds;
  throw usageError(
    "--deadline",
    `--deadline ${option} is not a number of seconds from ${SECONDS.least} to ${SECONDS.most}`,
  );
}
