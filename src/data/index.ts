/** Public API of `data`: shapes and emoji, picture files, preprocessing, batches. */
export { type Augmentation, augmentations } from "./augment.ts";
export {
  type Batch,
  DataError,
  type ImageList,
  newBatch,
  type Pairs,
  type PictureSet,
  type RowShape,
  rowsBetween,
  toBytes,
  toInput,
  type Views,
} from "./batches.ts";
export {
  drawnEmoji,
  type EmojiData,
  type EmojiPairsOptions,
  type EmojiSplit,
  emojiImages,
  emojiPairs,
  emojiPictures,
  emojiSplits,
  type OpenEmoji,
  type OpenedEmoji,
  openEmoji,
  type RenderedPictures,
  unseenEmoji,
} from "./emoji.ts";
export { EMOJI_STYLES, type Emoji, type EmojiStyle, emojiList, type FullEmojiStyle } from "./emojiList.ts";
export {
  CLDR_LANGUAGES,
  EMOJI_LANGUAGES,
  EMOJIBASE_LANGUAGES,
  type EmojiNames,
  emojiNames,
  installArguments,
  type NamedEmoji,
} from "./emojiNames.ts";
export { emojiTokenizer } from "./emojiTexts.ts";
export { takenAt } from "./exif.ts";
export {
  type FileImages,
  type FileItem,
  type FilesPairsOptions,
  filesImages,
  filesPairs,
  filesPictures,
} from "./files.ts";
export { badRowLines, filesFrom, type OpenedFiles, type OpenFiles, openFiles } from "./filesOpen.ts";
export { type IconIndex, type OpenedIcons, type OpenIcons, openIcons, type PreparedSet } from "./iconFiles.ts";
export { type PrepareIcons, prepareIcons } from "./iconPrepare.ts";
export type { DuplicateCounts } from "./iconSelection.ts";
export { ICON_SOURCES, type IconSource, type IconUse, iconPackage } from "./iconSets.ts";
export { type Icon, type IconPairsOptions, iconPairs, iconPictures, iconsByName, iconsOf } from "./icons.ts";
export { decodeImage, readImage } from "./image.ts";
export { MissingPackageError } from "./missingPackageError.ts";
export { NOISE_KINDS, type Noise, type NoiseKind, spoilsImages, withNoise } from "./noise.ts";
export {
  type EmojiSpec,
  type FilesSpec,
  type IconsSpec,
  openImages,
  openPairs,
  type PairsSpec,
  type ShapesSpec,
} from "./pairs.ts";
export { readBytes, sniffFile } from "./pictureBytes.ts";
export { PictureError } from "./pictureError.ts";
export { filesOf } from "./pictureFiles.ts";
export { type Decoding, type PictureForm, storedBytes, storedSide } from "./pictureForm.ts";
export { type Decode, decodeInput, type PictureInput } from "./pictureInput.ts";
export { decodePicture, type PreparedPicture, type PreparePicture, readPicture } from "./pictures.ts";
export { pixelNeighbours } from "./pixelNeighbours.ts";
export { openPreparer, type Preparer } from "./preparer.ts";
export { type NamedFiles, preprocessingBeside } from "./preprocess/beside.ts";
export { bigVisionPreprocessing } from "./preprocess/bigVision.ts";
export { huggingFacePreprocessing } from "./preprocess/huggingFace.ts";
export { openClipPreprocessing } from "./preprocess/openClip.ts";
export { type ModelInput, preprocess, type WithPreprocessing } from "./preprocess/preprocess.ts";
export {
  isPreprocessSpec,
  type PixelValues,
  PreprocessError,
  type PreprocessSpec,
  type PreprocessStep,
  type Resampling,
  type RgbImage,
  type TargetSize,
} from "./preprocess/spec.ts";
export {
  captionOf,
  drawScene,
  isHeldOut,
  type Scene,
  type ScenePictures,
  SHAPES,
  type ShapesOptions,
  type ShapesSplit,
  sceneOf,
  scenesOf,
  shapePictures,
  shapes,
  type Thing,
} from "./shapes.ts";
export { newSharedRows, RowDrawer, type SharedRows, sharedRowsBytes } from "./sharedRows.ts";
export { type BadRow, type Columns, type Row, type Rows, type Source, SourceError, type Split } from "./sources/row.ts";
export type { Caption } from "./sources/scan.ts";
export { thumbnail } from "./thumbnail.ts";
