/** How many devices a command runs on, and how many shards a batch is cut into for them. */
import { availableParallelism } from "node:os";
import { ConfigError } from "./config.ts";

const MOST = 64;

/** The `--devices` option; as many as there are cores when it is left out. Throws `ConfigError` on what is no number of devices. */
export function deviceCount(option: string | undefined): number {
  const count = option === undefined ? Math.min(availableParallelism(), MOST) : Number(option);
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  throw new ConfigError([
    { code: "CONFIG_RANGE", key: "--devices", detail: `--devices ${option} is not an integer from 1 to ${MOST}` },
  ]);
}

/**
 * Shards for a batch that nobody has cut: as many as devices, and two for a single device, so that one and two devices give
 * the same bits. Where that does not divide the batch, one a device.
 */
export function defaultShards(batch: number, devices: number): number {
  const wanted = Math.max(2, devices);
  return batch % wanted === 0 ? wanted : devices;
}

/** The most devices, up to `wanted`, that can share the shards of a batch evenly. */
export function devicesFor(shards: number, wanted: number): number {
  let devices = Math.min(shards, wanted);
  while (shards % devices !== 0) devices--;
  return devices;
}

/** Throws `ConfigError` unless the devices can share the shards evenly. */
export function checkDevices(devices: number, shards: number): void {
  if (shards % devices === 0) return;
  const detail = `--devices ${devices} cannot share train.shards ${shards} evenly; use a number of devices that divides it, or set --shards`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "--devices", detail }]);
}
