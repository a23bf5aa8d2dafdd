/** Drawn scenes as a data set: "a small red circle above a large blue square", with pairs of colour and shape held out. */
import { captionOf, type Scene, SHAPES, type ShapesSplit, sceneOf, scenesOf, shapePictures } from "../data/index.ts";
import { byteTokenizer, type Tokenizer, trainBpe } from "../tokenizers/index.ts";
import { checkBatch, type DataSet, type DataSettings } from "./dataSet.ts";

const TESTED = 1000; // scenes per test set, and captions to train the tokenizer on

/** The shape of the upper or left thing. */
const classOf = ({ first }: Scene): number => SHAPES.indexOf(first.shape);

const captions = (): string[] => Array.from(scenesOf("train"), (id) => captionOf(sceneOf(id)));

function tokenizerFor({ tokenizer: { kind, vocabSize } }: DataSettings, texts: readonly string[]): Tokenizer {
  return kind === "bpe" ? trainBpe(texts.slice(0, TESTED), vocabSize) : byteTokenizer;
}

/** The data set of drawn scenes. */
export const shapesData: DataSet = {
  hasFixedImages: () => false, // every step draws its scenes anew
  repeatsTexts: () => false, // the caption says what a scene is

  async openVocabulary(settings) {
    const texts = captions();
    return { tokenizer: tokenizerFor(settings, texts), items: texts.length, texts };
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
    const trained = set("train");
    return {
      trained,
      sets: [
        {
          name: "unseen",
          title: "scenes with colour and shape never seen together",
          pictures: set("unseen"),
          known: [],
        },
        { name: "train", title: "new drawings of scenes seen in training", pictures: trained, known: [] },
      ],
    };
  },

  async openClasses() {
    const all = [...scenesOf("train"), ...scenesOf("unseen")];
    const ofItem = new Int32Array(all.length);
    for (const id of all) ofItem[id] = classOf(sceneOf(id));
    return { names: SHAPES, ofItem };
  },

  async openProbe({ model, train }) {
    const labelled = (split: ShapesSplit) => {
      const pictures = shapePictures(split, TESTED, train.seed, model.image.imageSize);
      return { pictures, labels: Int32Array.from(pictures.scenes, classOf) };
    };
    return {
      title: "shape of the upper or left thing with colour and shape never seen together",
      classes: SHAPES,
      train: [labelled("train")],
      test: labelled("unseen"),
    };
  },
};
