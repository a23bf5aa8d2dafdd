/** `siglip train --data`: the recipe for the user's images, and what was understood of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Config,
  type FilesSummary,
  type FilesUse,
  filesRecipe,
  openedFiles,
  resolveConfig,
  type StartingWeights,
  splitFiles,
  summarizeFiles,
} from "../run/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { fromHere } from "./invocation.ts";
import { opening } from "./opening.ts";
import { note } from "./print.ts";

/** The settings of the recipe for the images of a run; those that these settings do not override are printed. */
export async function ownDataRecipe(
  settings: readonly string[],
  from: StartingWeights | undefined,
  listsBadRows: boolean,
): Promise<string[]> {
  const isLocked = settings.some((setting) => /^\s*train\.lock\s*=\s*image\s*$/.test(setting));
  const recipe = (images: number): string[] => filesRecipe({ images, start: startOf(from), isLocked });
  // Which images there are does not depend on the recipe, but a valid configuration does.
  const config = resolveConfig("files", [...recipe(2), ...settings], from);
  const { length } = splitFiles(await openedFiles(config, opening({ listsBadRows })), config.data.testShare).train;
  const keyOf = (setting: string): string => setting.split("=")[0].trim();
  const chosen = new Set(settings.map(keyOf));
  const followed = recipe(length).filter((setting) => !chosen.has(keyOf(setting)));
  if (followed.length > 0) note(`recipe for ${length} images: ${followed.join(" ")} (--set overrides)`);
  return recipe(length);
}

/** Where the weights of a run come from. */
function startOf(from: StartingWeights | undefined): FilesUse["start"] {
  if (!from) return "nothing";
  return (from.preprocess ?? "none") === "none" ? "trained here" : "released";
}

/** The folder of the user's images, as a person types it; undefined for other data, a table or an archive. */
export async function ownFolder(config: Config): Promise<string | undefined> {
  const { name, path } = config.data;
  if (name !== "files") return undefined;
  const { items } = await openedFiles(config, opening());
  return existsSync(join(path, items[0].name)) ? fromHere(path) : undefined;
}

/** What was understood of the user's images; undefined for other data. */
export async function ownDataSummary(config: Config, tokenizer: Tokenizer): Promise<FilesSummary | undefined> {
  if (config.data.name !== "files") return undefined;
  const files = await openedFiles(config, opening());
  return summarizeFiles(files, splitFiles(files, config.data.testShare), tokenizer, config.tokenizer.length);
}
