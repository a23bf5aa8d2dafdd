/** Suggestions for misspelt names. */
import leven from "leven";

/** Text of the user, shortened for a message. */
export const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

const lastPart = (key: string): string => key.slice(key.lastIndexOf(".") + 1);

/** `; did you mean optim.lr?`, by full name or last part; empty if no name is close. */
export function didYouMean(name: string, known: readonly string[]): string {
  const asked = clip(name).toLowerCase();
  const last = lastPart(asked);
  const distance = (key: string): number => {
    // In the same group a longer or shorter word is closest: train.batchsize is train.batch, not model.image.patchSize.
    const isSibling = key.lastIndexOf(".") === asked.lastIndexOf(".");
    if (isSibling && (asked.startsWith(key) || key.startsWith(asked))) return 0.5;
    return Math.min(leven(asked, key), leven(last, lastPart(key)) + 0.75);
  };
  const [best] = known.map((key) => ({ key, far: distance(key.toLowerCase()) })).sort((a, b) => a.far - b.far);
  return best.far <= Math.max(2, last.length / 2) ? `; did you mean ${best.key}?` : "";
}
