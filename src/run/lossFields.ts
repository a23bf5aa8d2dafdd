/** The keys of `loss`, and the combinations that no loss can have. */
import { type LossName, trainingLosses } from "../siglip/index.ts";
import type { Conflict } from "./configError.ts";
import { choice, number, type Values } from "./fields.ts";

/** Configuration keys of the pairs that a loss compares. */
export const lossFields = {
  negatives: choice("all", ["all", "random", "hard", "easy"], "which negatives count"),
  ratio: number(1, { above: 0, max: 1 }, "share of the negatives that count, if loss.negatives is not all"),
  sameName: choice(
    "mask",
    ["mask", "negative", "positive"],
    "what an image and an equal text of another row are; mask: they do not count",
  ),
  views: choice("1", ["1", "texts", "image-image"], "two images of each text; image-image: compared as well"),
};

interface LossSettings {
  readonly train: { readonly loss: LossName; readonly lock: "none" | "image" };
  readonly loss: Values<typeof lossFields>;
}

/** Combinations of keys that no run can use, although each is in its range. */
export function lossConflicts({ train, loss }: LossSettings): Conflict[] {
  const comparesPairs = trainingLosses[train.loss].probability === undefined;
  const rules: readonly (readonly [when: boolean, keys: string[], detail: string])[] = [
    [
      train.lock === "image" && loss.views !== "1",
      ["loss.views", "train.lock"],
      `loss.views ${loss.views} is for a run that trains its image tower, and train.lock image locks it; leave one of them out`,
    ],
    [
      comparesPairs && loss.negatives !== "all",
      ["loss.negatives", "train.loss"],
      `loss.negatives ${loss.negatives} is for train.loss=sigmoid; the ${train.loss} loss compares each pair with all others of its row`,
    ],
    [
      comparesPairs && loss.sameName === "positive",
      ["loss.sameName", "train.loss"],
      `loss.sameName positive is for train.loss=sigmoid; in the ${train.loss} loss each image has one text, so use loss.sameName=mask`,
    ],
    [
      loss.negatives === "all" && loss.ratio < 1,
      ["loss.ratio", "loss.negatives"],
      `loss.ratio ${loss.ratio} has no effect with loss.negatives all; set loss.negatives to random, hard or easy`,
    ],
  ];
  return rules.filter(([when]) => when).map(([, keys, detail]) => ({ keys, detail }));
}
