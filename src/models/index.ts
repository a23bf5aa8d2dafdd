/** Public API of `models`: released models in, trained models out. */
export { ModelFolderError } from "./files.ts";
export { type InspectedModel, inspectModel } from "./inspectModel.ts";
export type { LayoutName } from "./layout.ts";
export { type Loaded, type LoadOptions, loadModel, loadTower } from "./loadModel.ts";
export { saveModel } from "./saveModel.ts";
