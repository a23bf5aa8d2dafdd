/** Drawn scenes as a data set: "a small red circle above a large blue square", with colours and shapes never seen together. */
import {
  byteTokenizer,
  captionOf,
  type ShapesSplit,
  sceneOf,
  scenesOf,
  shapePictures,
  type Tokenizer,
  trainBpe,
} from "../data/index.ts";
import { checkBatch, type DataSet, type DataSettings } from "./dataSet.ts";

const TESTED = 1000; // scenes of a test set, and captions that the tokenizer learns from

const captions = (): string[] => Array.from(scenesOf("train"), (id) => captionOf(sceneOf(id)));

function tokenizerFor({ tokenizer: { kind, vocabSize } }: DataSettings, texts: readonly string[]): Tokenizer {
  return kind === "bytes" ? byteTokenizer : trainBpe(texts.slice(0, TESTED), vocabSize);
}

/** Drawn scenes. */
export const shapesData: DataSet = {
  async openVocabulary(settings) {
    const texts = captions();
    return { tokenizer: tokenizerFor(settings, texts), items: texts.length };
  },

  async openTraining(settings) {
    const texts = captions();
    checkBatch(settings, texts.length);
    const tokenizer = tokenizerFor(settings, texts);
    const { length } = settings.tokenizer;
    const side = settings.model.image.imageSize;
    return {
      tokenizer,
      pairs: { data: "shapes", tokenizer: tokenizer.toJSON(), length, side },
      items: texts.length,
      texts,
    };
  },

  async openTests({ model, train }) {
    const set = (split: ShapesSplit) => shapePictures(split, TESTED, train.seed, model.image.imageSize);
    return {
      sets: [
        { title: "scenes with colour and shape never seen together", pictures: set("unseen") },
        { title: "new drawings of scenes seen in training", pictures: set("train") },
      ],
      known: [],
    };
  },

  testedImages: (_, __, devices) => devices * 2 * TESTED,
};
