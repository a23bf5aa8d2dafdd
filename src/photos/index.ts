/** Public API of `photos`: an index of the pictures in a folder, and search in it. */
export type { PhotoFacts } from "./facts.ts";
export { findIndex, INDEX_FOLDER, openIndex, PhotoIndex } from "./photoIndex.ts";
export {
  combine,
  type PhotoFilter,
  type PhotoResult,
  type PhotoSearch,
  type QueryPart,
  searchPhotos,
} from "./search.ts";
export { PhotoIndexError } from "./segments.ts";
export { photoSheet } from "./sheet.ts";
export { type PhotoModel, type Update, type UpdateOptions, updateIndex } from "./update.ts";
