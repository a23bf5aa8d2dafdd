/** Public API of `models`: released models in, trained models out. */
export { ModelFolderError } from "./files.ts";
export type { ImageSettings } from "./imageSettings.ts";
export { type InspectedModel, inspectModel } from "./inspectModel.ts";
export type { Beside, LayoutName } from "./layout.ts";
export type { Loaded, LoadOptions, TextTowerOptions } from "./loadLayout.ts";
export { loadModel, loadTower } from "./loadModel.ts";
export { type SavedModel, saveModel } from "./saveModel.ts";
export { savedTokenizer } from "./siglipTs.ts";
