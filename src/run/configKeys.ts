/** The keys of the configuration, described for people and programs. */
import { type Config, fields, resolveConfig } from "./config.ts";
import { defaults, fieldsOf, valueAt } from "./fields.ts";
import { presetNames } from "./presets.ts";

/** A key of the configuration, with its value in a preset. */
export interface ConfigKey {
  /** Its full name: "optim.lr". */
  readonly key: string;
  readonly default: unknown;
  readonly value: unknown;
  /** The accepted values, in words. */
  readonly expected: string;
  /** What the key does. */
  readonly about: string;
  /** A value as text that `--set` reads. */
  text(value: unknown): string;
}

/**
 * All keys, with their values in a preset or, without one, their defaults. Throws `ConfigError` if there is no such preset.
 */
export function configKeys(preset?: string): ConfigKey[] {
  const values = preset === undefined ? defaults(fields) : resolveConfig(preset, []);
  return fieldsOf(fields).map(([key, { initial, accepts, meaning, text = String }]) => {
    const value = valueAt(values, key.split("."));
    return { key, default: initial, value, expected: accepts, about: meaning, text };
  });
}

/** Keys that a run sets itself: for its devices, its starting weights, its images, and when it is extended. */
const OWN_KEYS = ["train.shards", "train.init", "train.firstSteps", "data.contents"];

/** The preset with the fewest differences from a configuration, the first among equals; the differences as settings. */
export function nearestPreset(config: Config): { preset: string; settings: string[] } {
  return presetNames
    .map((preset) => ({ preset, settings: differencesFrom(preset, config) }))
    .reduce((nearest, each) => (each.settings.length < nearest.settings.length ? each : nearest));
}

const differencesFrom = (preset: string, config: Config): string[] =>
  configKeys(preset).flatMap(({ key, value, text }) => {
    const [own, its] = [text(valueAt(config, key.split("."))), text(value)];
    return own === its || OWN_KEYS.includes(key) ? [] : [`${key}=${own}`];
  });
