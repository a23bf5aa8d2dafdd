/** The keys of the configuration, described for people and programs. */
import { fields, resolveConfig } from "./config.ts";
import { defaults, fieldsOf, valueAt } from "./fields.ts";

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
