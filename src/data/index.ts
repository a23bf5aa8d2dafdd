/** The door of `data`. */
export {
  type Batch,
  DataError,
  type Pairs,
  type PictureSet,
  toBytes,
  toInput,
  toSiglipInput,
} from "./batches.ts";
export {
  captionOf,
  drawScene,
  isHeldOut,
  type Scene,
  type ShapesOptions,
  type ShapesSplit,
  sceneOf,
  scenesOf,
  shapePictures,
  shapes,
  type Thing,
} from "./shapes.ts";
export {
  byteTokenizer,
  END,
  encodeAll,
  type Tokenizer,
  TokenizerError,
  type TokenizerFile,
  wordsOf,
} from "./tokenizer.ts";
