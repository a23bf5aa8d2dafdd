/**
 * How to train on the user's images, by their number: settings beside those of the preset `files`, which --set overrides.
 *
 *   images          batch                            steps                   pairs seen of each image
 *   2 to 44         the largest power of two         400                     many
 *   45 to 40,000    that fits, at most 128           60 · √images            1,200 to 38
 *   more            256                              12,000                  fewer
 *
 * The steps grow with the square root of the number, so that 50 images take seconds, 1,000 some minutes, 50,000 a quarter of an hour.
 * A run that starts from weights takes a quarter of them. From those of a run here it takes no more than show each image 16 times, or
 * 100 if that is more: after further steps it finds fewer images that it has not seen (docs/DATA.md).
 */

/** What a recipe depends on. */
export interface FilesUse {
  /** Images to train on. */
  readonly images: number;
  /** Where the weights come from, if the run starts from some: --init. */
  readonly start: "nothing" | "trained here" | "released";
  /** Whether the image tower is locked. */
  readonly isLocked: boolean;
}

/** From so many images on, batches are larger, and the tokenizer has more to learn from. */
const MANY = 40_000;

/** How often a run that starts from one here sees an image. */
const EPOCHS = 16;

/** The settings for so many images. */
export function filesRecipe({ images, start, isLocked }: FilesUse): string[] {
  const most = images < MANY ? 128 : 256;
  const batch = Math.max(2, 2 ** Math.floor(Math.log2(Math.min(most, images))));
  const fromNothing = Math.min(12_000, Math.max(400, 100 * Math.round(0.6 * Math.sqrt(images))));
  const seen = start === "released" ? fromNothing : Math.max(100, Math.ceil((EPOCHS * images) / batch));
  const isNew = start === "nothing" || isLocked; // a text tower beside a locked one is new
  const steps = isNew ? fromNothing : Math.min(seen, fromNothing / 4);
  return [
    `train.batch=${batch}`,
    `train.steps=${steps}`,
    `eval.every=${Math.ceil(steps / 4)}`,
    ...(images >= MANY && start === "nothing" ? ["tokenizer.vocabSize=4096"] : []),
    ...(isLocked || start === "released" ? ["data.augment=none", "loss.views=1"] : []),
    ...(start === "nothing" ? [] : ["optim.name=adamw", `optim.lr=${rateOf(start, isLocked)}`]),
  ];
}

/** The learning rate of a run that starts from weights: small, so that it keeps what they know. */
const rateOf = (start: FilesUse["start"], isLocked: boolean): string =>
  isLocked ? "2e-3" : start === "released" ? "1e-5" : "3e-4";
