/** The keys of the configuration, as `siglip config` lists them. */
import { describe, expect, it } from "vitest";
import { ConfigError, resolveConfig, withSettings } from "../../src/run/config.ts";
import { configKeys } from "../../src/run/configKeys.ts";
import { valueAt } from "../../src/run/fields.ts";
import { presetNames, presets } from "../../src/run/presets.ts";

/** What a run writes itself. */
const NOT_SET = ["train.firstSteps", "train.init"];

describe("configKeys", () => {
  it("lists every key of a resolved configuration once, with its value there", () => {
    const config = resolveConfig("icons", []);
    const leaves = (tree: object): unknown[] =>
      Object.values(tree).flatMap((value) =>
        typeof value === "object" && !Array.isArray(value) ? leaves(value) : [value],
      );
    const keys = configKeys("icons");
    expect(keys).toHaveLength(leaves(config).length);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(keys.length);
    for (const { key, value } of keys) expect(valueAt(config, key.split("."))).toEqual(value);
    for (const { about, expected } of keys) expect(`${about} ${expected}`).toMatch(/^\S.{10,}/);
  });

  it("without a preset has the defaults", () => {
    for (const { value, default: initial } of configKeys()) expect(value).toEqual(initial);
    expect(() => configKeys("emojis")).toThrow(ConfigError);
  });

  it.each(presetNames)("has other values than the defaults where %s sets a key, and nowhere else", (preset) => {
    const changed = configKeys(preset).filter((key) => key.text(key.value) !== key.text(key.default));
    const isSet = (key: string): boolean => presets[preset].some((setting) => setting.startsWith(`${key}=`));
    for (const { key } of changed) expect(isSet(key), key).toBe(true);
    expect(changed.length > 0).toBe(presets[preset].length > 0);
  });

  it.each(presetNames)("writes the values of %s as --set reads them", (preset) => {
    const settings = configKeys(preset)
      .filter(({ key }) => !NOT_SET.includes(key))
      .map(({ key, value, text }) => `${key}=${text(value)}`);
    const config = resolveConfig(preset, []);
    expect(withSettings(resolveConfig("emoji-paper", []), settings)).toEqual(config);
  });
});
