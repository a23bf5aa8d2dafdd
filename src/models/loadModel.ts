/** Loads SigLIP weights: of Hugging Face, big_vision and open_clip, and of our own layout, found by the names of the files. */
import { ImageTower, SigLip, type SigLipConfig, TextTower } from "../siglip/index.ts";
import { type DType, Rng } from "../tensor/index.ts";
import { findLayout } from "./findLayout.ts";
import { type Loaded, type LoadOptions, loadLayout, type TextTowerOptions } from "./loadLayout.ts";

/**
 * Loads a model from a folder or file.
 *
 * Throws `FormatError` with what is wrong and where; all tensors that do not fit are listed at once. Errors of the system pass.
 */
export function loadModel(path: string, options: LoadOptions = {}): Loaded & { readonly model: SigLip } {
  const build = (config: SigLipConfig, dtype: DType) => new SigLip(new Rng(0), config, dtype);
  const { layout, folder } = findLayout(path);
  const { module, ...loaded } = loadLayout(layout, folder, options, "", build);
  return { ...loaded, model: module };
}

/** Loads the image tower of a model alone; the numbers of the other one are not read. Errors as in `loadModel`. */
export function loadTower(path: string, tower: "image", options?: LoadOptions): Loaded & { readonly tower: ImageTower };
/** Loads the text tower of a model alone. */
export function loadTower(
  path: string,
  tower: "text",
  options?: TextTowerOptions,
): Loaded & { readonly tower: TextTower };
export function loadTower(
  path: string,
  tower: "image" | "text",
  options: TextTowerOptions = {},
): Loaded & { readonly tower: ImageTower | TextTower } {
  const { layout, folder } = findLayout(path);
  const { module, ...loaded } = loadLayout(
    layout,
    folder,
    options,
    `${tower}/`,
    ({ image, text, embedDim }, dtype, parts) =>
      tower === "image"
        ? new ImageTower(new Rng(0), image, embedDim, dtype)
        : new TextTower(new Rng(0), text, embedDim, dtype, parts),
  );
  return { ...loaded, tower: module };
}
