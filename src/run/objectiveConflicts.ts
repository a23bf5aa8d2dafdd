/** Settings that a run with train.objective=classify cannot have, or has in vain: it reads no text and compares no pairs. */
import type { Conflict } from "./configError.ts";

interface ObjectiveSettings {
  readonly data: { readonly noise: string };
  readonly train: { readonly objective: "pairs" | "classify"; readonly loss: string; readonly lock: string };
  readonly loss: { readonly negatives: string; readonly sameName: string; readonly views: string };
}

/** Combinations of keys that no run can use, although each is in its range. */
export function objectiveConflicts({ data, train, loss }: ObjectiveSettings): Conflict[] {
  if (train.objective === "pairs") return [];
  const rules: readonly (readonly [when: boolean, key: string, detail: string])[] = [
    [
      train.lock === "image",
      "train.lock",
      "train.lock image leaves nothing to train with train.objective classify, which trains the image tower; leave one of them out",
    ],
    [
      train.loss !== "sigmoid",
      "train.loss",
      `train.loss ${train.loss} is for train.objective=pairs; classes are trained by the sigmoid loss, which also takes images of no class`,
    ],
    [loss.views !== "1", "loss.views", without(`loss.views ${loss.views}`, "set loss.views=1")],
    [loss.negatives !== "all", "loss.negatives", without(`loss.negatives ${loss.negatives}`, "leave it out")],
    [loss.sameName !== "mask", "loss.sameName", without(`loss.sameName ${loss.sameName}`, "leave it out")],
    [
      data.noise !== "none" && data.noise !== "image",
      "data.noise",
      `data.noise ${data.noise} spoils texts, which train.objective classify does not read; use data.noise=image`,
    ],
  ];
  return rules.filter(([when]) => when).map(([, key, detail]) => ({ keys: [key, "train.objective"], detail }));
}

/** Keys of texts and of their similarities to images. A preset may set them, so they are no conflict. */
const OF_TEXTS =
  /^(tokenizer\..*|model\.text\..*|model\.temperatureInit|data\.(keywordProbability|languages|testLanguages))$/;

/** A warning that names the settings a person made in vain: with train.objective=classify those of texts. */
export function settingsInVain({ train }: ObjectiveSettings, settings: readonly string[]): string[] {
  if (train.objective === "pairs") return [];
  const keys = new Set(settings.map((setting) => setting.split("=")[0].trim()).filter((key) => OF_TEXTS.test(key)));
  if (keys.size === 0) return [];
  return [`no effect with train.objective classify, which reads no texts: ${[...keys].join(", ")}; leave out`];
}

const without = (setting: string, remedy: string): string =>
  `${setting} is about pairs, and train.objective classify has none; ${remedy}`;
