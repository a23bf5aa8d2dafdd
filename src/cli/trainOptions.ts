/** From the options of `siglip train` to the configuration of a run and the devices that share it. */
import { resolve as resolvePath } from "node:path";
import { type Config, fitsOn, fittingShards, requireFit, resolveConfig, type StartingWeights } from "../run/index.ts";
import { defaultShards, devicesThatShare } from "./devices.ts";

/** The options of `siglip train`, as typed. */
export interface TrainOptions {
  readonly preset?: string;
  readonly out?: string;
  readonly seed?: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly batch?: string;
  readonly shards?: string;
  readonly kernels?: string;
  readonly set: readonly string[];
  readonly data?: string;
  readonly init?: string;
  readonly lock?: string;
  readonly embeddings?: string;
  readonly resume?: boolean;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly sheet?: string;
  readonly json?: boolean;
}

/** The preset of a run for which none is named. */
export const presetOf = ({ preset, lock, data }: TrainOptions): string =>
  preset ?? (data !== undefined ? "files" : lock === "image" ? "emoji-siglit" : "emoji");

/** The settings of --set, and of the options that are short for one key each. */
export function settingsOf({ set, seed, batch, shards, kernels, lock, data }: TrainOptions): string[] {
  const short = { seed, batch, shards, kernels, lock };
  return [
    ...(data === undefined ? [] : ["data.name=files", `data.path=${resolvePath(data)}`]),
    ...set,
    ...Object.entries(short).flatMap(([key, value]) => (value === undefined ? [] : [`train.${key}=${value}`])),
  ];
}

/** A configuration, and the number of devices that share its shards. */
interface Plan {
  readonly config: Config;
  readonly devices: number;
}

/** The plan of a run whose configuration has its shards. */
export const withDevices = (config: Config, { devices }: TrainOptions): Plan => ({
  config,
  devices: devicesThatShare(devices, config.train.shards, `train.shards ${config.train.shards}`),
});

const setsShards = (setting: string): boolean => /^\s*train\.shards\s*=/.test(setting);

/** The plan of a new run. Throws `ConfigError`. */
export function planOf(options: TrainOptions, from: StartingWeights | undefined): Plan {
  const preset = presetOf(options);
  const settings = settingsOf(options);
  const resolved = (more: readonly string[]): Config => {
    const config = resolveConfig(preset, [...settings, ...more], from);
    if (from) requireFit(config, from);
    return config;
  };
  if (settings.some(setsShards)) return withDevices(resolved([]), options);
  // No train.shards given: resolve with one shard to get the batch, then choose devices and shards.
  const uncut = resolved(["train.shards=1"]);
  const { batch } = uncut.train;
  const devices = devicesThatShare(options.devices, batch, `a batch of ${batch}`, (count) => fitsOn(uncut, count));
  const shards = fittingShards(uncut, devices, defaultShards(batch, devices));
  return { config: resolved([`train.shards=${shards}`]), devices };
}
