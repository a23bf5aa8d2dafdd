/** Presets: named configurations, as the settings that differ from the defaults in `config.ts`. */

const SHORT = ["data.augment=light", "train.steps=4677"];

/** Presets as settings that differ from the defaults. */
export const presets: Readonly<Record<string, readonly string[]>> = {
  /** Learn the names of 1,594 emoji in three drawing styles; test on a fourth. */
  emoji: [],
  /** The same in a third of the steps, with less augmentation: a shorter run tolerates less of it. */
  "emoji-short": SHORT,
  /** `emoji-short` with 160 emoji held out of training in every style. */
  "emoji-unseen": [...SHORT, "data.name=emoji-unseen"],
  /** Drawn scenes, "a small red circle above a large blue square", with combinations held out. */
  shapes: [
    "data.name=shapes",
    "data.strokeProbability=0",
    "data.augment=none",
    "tokenizer.length=16",
    "train.steps=2000",
  ],
  /** Learn 38,000 names of icons from the drawings of 47 sets; test on two other sets. */
  icons: [
    "data.name=icons",
    "data.strokeProbability=0",
    "data.augment=light",
    "tokenizer.vocabSize=2048",
    "model.image.imageSize=24",
    "model.image.patchSize=12",
    "model.outputInit=zero",
    "loss.views=image-image",
    "optim.name=muon",
    "train.batch=512",
    "train.steps=3000",
    "eval.every=1000",
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
};

/** Names of the presets. */
export const presetNames: readonly string[] = Object.keys(presets);
