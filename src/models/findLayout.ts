/** Which layout a path is of. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FormatError } from "../formats/index.ts";
import { bigVision } from "./bigVision.ts";
import { diskFolder } from "./files.ts";
import type { ModelFolder } from "./folder.ts";
import { huggingFace } from "./huggingFace.ts";
import type { Layout, LayoutName } from "./layout.ts";
import { openClip } from "./openClip.ts";
import { siglipTs } from "./siglipTs.ts";

/** All layouts; open_clip before Hugging Face, since its folders may have a config.json too. */
const LAYOUTS: readonly Layout[] = [siglipTs, openClip, huggingFace, bigVision];

/** The layout of this name. */
export const layoutOf = (name: LayoutName): Layout => LAYOUTS.find((layout) => layout.name === name)!;

/** A folder and its layout. */
export interface FoundModel {
  readonly layout: Layout;
  readonly folder: ModelFolder;
}

/** Finds the layout of a folder, of an npz file, or of a safetensors file, whose folder says more. Throws `FormatError`. */
export function findLayout(path: string): FoundModel {
  const isFolder = statSync(path).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const names = new Set(isFolder || !path.endsWith(".npz") ? readdirSync(folder) : [basename(path)]);
  const layout = LAYOUTS.find((each) => each.recognizes(names));
  if (layout !== undefined) return { layout, folder: diskFolder(folder, names) };
  const detail = `no model in it: expected config.json (Hugging Face), open_clip_config.json, model.json (saved here), or one npz file (big_vision) in ${join(folder, "")}`;
  throw new FormatError("MODEL_LAYOUT", path, 0, detail);
}
