/** A batch of emoji with the similarities that the model of the page gives them at some steps of its training. */
import stored from "./similarities.json" with { type: "json" };

/** Emoji of the whole batch. */
export const MOST = stored.names.length;
/** Their names. */
export const NAMES: readonly string[] = stored.names;
/** Their numbers in the atlas. */
export const ITEMS: readonly number[] = stored.items;
/** Recall at 1, picture → text, of the nearest pixels in the styles of training: what one reaches without learning. */
export const BY_PIXELS = stored.byPixels;
/** The steps at which similarities were kept. */
export const STAGES: readonly number[] = stored.stages.map(({ step }) => step);

/** Similarities of some emoji at a stage: row i is the text of `shown[i]`, column j the picture of `shown[j]`. An emoji may occur twice. */
export function similaritiesOf(stage: number, shown: readonly number[]): Float64Array {
  const all = stored.stages[stage].similarities;
  const n = shown.length;
  return Float64Array.from({ length: n * n }, (_, k) => all[shown[Math.floor(k / n)] * MOST + shown[k % n]]);
}
