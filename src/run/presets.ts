/** Presets: named configurations, as the settings that differ from the defaults in `config.ts`. */

/** Four tokens an image, two views of each emoji in a batch, Muon, and output projections that start at zero. */
const FEW_TOKENS = [
  "model.image.imageSize=24",
  "model.image.patchSize=12",
  "model.outputInit=zero",
  "loss.views=image-image",
  "optim.name=muon",
];

/** So few steps need little augmentation. */
const QUICK = [...FEW_TOKENS, "data.augment=light", "train.steps=1900", "eval.every=475"];

/** Presets as settings that differ from the defaults. */
export const presets: Readonly<Record<string, readonly string[]>> = {
  /** Learn the names of 1,594 emoji in three drawing styles, in about a minute; test on two others. */
  emoji: [...QUICK, "data.secondTestStyle=emojione"],
  /** The same for longer, with more augmentation. */
  "emoji-best": [...FEW_TOKENS, "data.secondTestStyle=emojione", "train.steps=6000", "eval.every=1000"],
  /** The recipe of the paper: sixteen tokens an image, one view, AdamW. */
  "emoji-paper": [],
  /** `emoji` with 160 emoji held out of training in every style. */
  "emoji-unseen": [...QUICK, "data.name=emoji-unseen"],
  /** Drawn scenes, "a small red circle above a large blue square", with combinations held out. */
  shapes: [
    "data.name=shapes",
    "data.strokeProbability=0",
    "data.augment=none",
    "tokenizer.length=16",
    "train.steps=2000",
  ],
  /** Images and captions of the user: --data PATH. Steps and batch follow from their number (filesRecipe.ts). */
  files: [
    "data.name=files",
    "data.strokeProbability=0",
    "data.trim=never",
    "data.augment=light",
    "tokenizer.length=16",
    "model.image.imageSize=48",
    "model.image.patchSize=12",
    "model.outputInit=zero",
    "loss.views=image-image",
    "optim.name=muon",
  ],
  /** Learn 38,000 names of icons from the drawings of 47 sets; test on two other sets. */
  icons: [
    ...FEW_TOKENS,
    "data.name=icons",
    "data.strokeProbability=0",
    "data.augment=light",
    "tokenizer.vocabSize=2048",
    "train.batch=256",
    "train.steps=17000",
    "eval.every=4000",
  ],
  /** The image tower of `emoji` alone, trained to tell 95 classes of emoji apart; for `emoji-siglit`. */
  "emoji-classify": [
    ...QUICK,
    "train.objective=classify",
    "data.classes=subgroup",
    "loss.views=1",
    "data.secondTestStyle=emojione",
  ],
  /**
   * A text tower for the locked image tower of --init, trained on its embeddings of the emoji (SigLiT). Width, decay, batch and
   * steps were chosen by recall on fluent, with a tower that was trained on noto and twemoji.
   */
  "emoji-siglit": [
    "train.lock=image",
    "data.augment=none",
    "data.strokeProbability=0",
    "model.text.width=128",
    "model.text.mlpDim=512",
    "model.text.numHeads=4",
    "train.batch=768",
    "train.steps=400",
    "optim.weightDecay=2e-2",
    "eval.every=100",
  ],
  /**
   * Names in 20 languages, tested in 28: mSigLIP in small. Width, vocabulary and learning rate were chosen by the mean recall of the 20
   * on fluent after short trainings on noto and twemoji (docs/DATA.md).
   */
  "emoji-multilingual": [
    ...FEW_TOKENS,
    "data.languages=bn,da,de,en,es,fi,fr,hi,hu,it,ja,ko,lt,nl,pl,pt,ru,th,vi,zh",
    "data.testLanguages=all",
    "data.augment=light",
    "tokenizer.vocabSize=8192",
    "tokenizer.length=12",
    "model.text.width=128",
    "model.text.mlpDim=256",
    "model.text.numHeads=4",
    "train.steps=6000",
    "optim.lr=8e-3",
    "eval.every=2000",
  ],
};

/** Names of the presets. */
export const presetNames: readonly string[] = Object.keys(presets);
