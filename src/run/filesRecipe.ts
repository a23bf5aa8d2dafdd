/**
 * How to train on the user's images, by their number: settings of the preset `files`, which --set overrides.
 *
 * Few images are seen more often: the steps grow with the square root of their number.
 */

/** What a recipe depends on. */
export interface FilesUse {
  /** Images to train on. */
  readonly images: number;
  /** Whether the run starts from trained weights. */
  readonly isStarted: boolean;
  /** Whether the image tower is locked. */
  readonly isLocked: boolean;
}

/** Largest batch. */
const MOST = 128;

/** The settings for so many images. */
export function filesRecipe({ images, isStarted, isLocked }: FilesUse): string[] {
  const batch = Math.max(2, 2 ** Math.floor(Math.log2(Math.min(MOST, images))));
  const steps = Math.min(12_000, Math.max(300, Math.round((60 * Math.sqrt(images)) / 50) * 50));
  return [
    `train.batch=${batch}`,
    `train.steps=${isStarted ? Math.round(steps / 3) : steps}`,
    `eval.every=${Math.ceil(steps / 4)}`,
    ...(isLocked ? ["data.augment=none", "loss.views=1"] : []),
  ];
}
