/**
 * Retrieval in several languages: each language by itself, among all images, and the mean over languages with equal weights.
 *
 * So a language with few texts counts as much as one with many. Source: SigLIP, section 4.3 and table 9 (XM3600, 36 languages).
 */
import type { Embeddings } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";
import { checkPairs } from "./pairs.ts";
import { type Recall, type Retrieval, retrieval } from "./retrieval.ts";

/** Retrieval in every language. */
export interface LanguageRetrieval {
  /** By language, in the order in which the texts name them first. */
  readonly languages: ReadonlyMap<string, Retrieval>;
  /** Mean recall over languages. */
  readonly mean: readonly Recall[];
}

/**
 * Recall at each k of `ks` per language; `language[j]` is that of text j. `progress` is called before each language. Throws
 * `EvaluationError`.
 */
export function retrievalByLanguage(
  zimg: Embeddings,
  ztxt: Embeddings,
  owner: ArrayLike<number>,
  language: readonly string[],
  ks: readonly number[] = [1, 5, 10],
  progress: () => void = () => {},
): LanguageRetrieval {
  const { d } = checkPairs("retrievalByLanguage", zimg, ztxt, owner);
  if (language.length !== owner.length) {
    throw new EvaluationError(
      `retrievalByLanguage: ${language.length} languages for ${owner.length} texts; name one for each text`,
    );
  }
  const languages = new Map(
    [...new Set(language)].map((name) => {
      progress();
      const own = Array.from(language.keys()).filter((j) => language[j] === name);
      const texts = new Float64Array(own.length * d);
      own.forEach((j, row) => {
        texts.set(ztxt.subarray(j * d, (j + 1) * d), row * d);
      });
      const owners = own.map((j) => owner[j]);
      return [name, retrieval(zimg, texts, owners, ks)];
    }),
  );
  return { languages, mean: meanRecall([...languages.values()].map(({ recall }) => recall)) };
}

/** The mean of recalls at the same k, in each direction. */
export const meanRecall = (recalls: readonly (readonly Recall[])[]): Recall[] => {
  const mean = (k: number, of: "textToImage" | "imageToText") =>
    recalls.reduce((sum, recall) => sum + recall[k][of], 0) / recalls.length;
  return (recalls[0] ?? []).map(({ k }, i) => ({
    k,
    textToImage: mean(i, "textToImage"),
    imageToText: mean(i, "imageToText"),
  }));
};
