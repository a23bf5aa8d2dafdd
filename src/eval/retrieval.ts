/**
 * Retrieval: is the right image found for a text, and the right text for an image?
 *
 *   text → image   R@k = mean over texts  of [the text's own image is among the k best images]
 *   image → text   R@k = mean over images of [any of the image's own texts is among the k best texts]
 *
 * The score is x·y, without temperature and bias, which do not change the order. Ties go to the lower index, as in a stable
 * descending sort. An image without a text counts as a miss. With several texts per image this is the "any of 5" of COCO.
 *
 * zimg [N, d]   ztxt [M, d]   owner [M]: row of the image that text j describes
 * Source: big_vision, evaluators/proj/image_text/image_text_retrieval.py.
 */
import { type Embeddings, rowsOf, score, scoreRow } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";
import { checkOwners, checkPairs } from "./pairs.ts";

/** Recall at k in both directions, each in 0..1. */
export interface Recall {
  readonly k: number;
  readonly textToImage: number;
  readonly imageToText: number;
}

/** Recall of a set of images and texts. */
export interface Retrieval {
  readonly images: number;
  readonly texts: number;
  readonly recall: readonly Recall[];
  /** Expected recall of random scores. */
  readonly chance: readonly Recall[];
}

/** Recall at each k of `ks`. O(N·M·d) time, O(N + M) memory: no matrix of scores. Throws `EvaluationError`. */
export function retrieval(
  zimg: Embeddings,
  ztxt: Embeddings,
  owner: ArrayLike<number>,
  ks: readonly number[] = [1, 5, 10],
): Retrieval {
  const { images, d } = checkPairs("retrieval", zimg, ztxt, owner);
  checkKs(ks);

  return recallOf(
    {
      score: (i, j) => score(zimg, i, ztxt, j, d),
      row: (i, out) => scoreRow(zimg, i, ztxt, d, out),
    },
    images,
    owner,
    ks,
  );
}

/** Recall from a matrix of scores [N, M]. Throws `EvaluationError`. */
export function retrievalOfScores(
  scores: Float32Array | Float64Array,
  owner: ArrayLike<number>,
  ks: readonly number[] = [1, 5, 10],
): Retrieval {
  const texts = owner.length;
  const images = rowsOf("retrieval", "scores", scores, texts);
  checkOwners("retrieval", owner, images);
  checkKs(ks);
  return recallOf(
    {
      score: (i, j) => scores[i * texts + j],
      row: (i, out) => out.set(scores.subarray(i * texts, (i + 1) * texts)),
    },
    images,
    owner,
    ks,
  );
}

/** Scores [N, M], one at a time and a row at a time: the same bits either way. */
interface Scores {
  score(i: number, j: number): number;
  row(i: number, out: Float64Array): void;
}

function recallOf(scores: Scores, images: number, owner: ArrayLike<number>, ks: readonly number[]): Retrieval {
  const texts = owner.length;
  const { imageRank, textRank } = ranks(scores, images, owner);
  const below = (ranks: Uint32Array, k: number) => ranks.reduce((count, rank) => count + (rank < k ? 1 : 0), 0);
  const recall = ks.map((k) => ({
    k,
    textToImage: below(imageRank, k) / texts,
    imageToText: below(textRank, Math.min(k, texts)) / images,
  }));
  return { images, texts, recall, chance: chance(owner, images, ks) };
}

/** For each text, the images ahead of its own; for each image, the texts ahead of its best own one (M if it has none). */
function ranks(
  scores: Scores,
  images: number,
  owner: ArrayLike<number>,
): { imageRank: Uint32Array; textRank: Uint32Array } {
  const texts = owner.length;
  // The best own text of each image, by score and then by index, decides "any of its texts is among the k best".
  const own = new Float64Array(texts); // score of text j with its own image
  const bestText = new Int32Array(images).fill(-1);
  for (let j = 0; j < texts; j++) {
    const i = owner[j];
    own[j] = scores.score(i, j);
    if (bestText[i] < 0 || own[j] > own[bestText[i]]) bestText[i] = j;
  }

  // One pass over all pairs serves both directions.
  const imageRank = new Uint32Array(texts);
  const textRank = new Uint32Array(images);
  const row = new Float64Array(texts);
  for (let i = 0; i < images; i++) {
    scores.row(i, row);
    const best = bestText[i];
    const bestScore = best < 0 ? Number.POSITIVE_INFINITY : own[best];
    let ahead = 0;
    for (let j = 0; j < texts; j++) {
      const s = row[j];
      if (s > own[j] || (s === own[j] && i < owner[j])) imageRank[j]++;
      if (s > bestScore || (s === bestScore && j < best)) ahead++;
    }
    textRank[i] = best < 0 ? texts : ahead;
  }
  return { imageRank, textRank };
}

/**
 * Expected recall of random scores.
 *
 *   text → image   k / N
 *   image → text   mean over images of 1 − C(M − m, k) / C(M, k),   m = number of own texts
 */
export function chance(owner: ArrayLike<number>, images: number, ks: readonly number[]): Recall[] {
  checkOwners("chance", owner, images);
  checkKs(ks);
  const texts = owner.length;
  const owned = new Uint32Array(images);
  for (let j = 0; j < texts; j++) owned[owner[j]]++;
  return ks.map((k) => {
    let sum = 0;
    for (const m of owned) {
      // C(M − m, k) / C(M, k) = Π over the m own texts of the chance that each falls outside the first k.
      let missed = 1;
      for (let r = 0; r < m; r++) missed *= Math.max(0, texts - k - r) / (texts - r);
      sum += 1 - missed;
    }
    return { k, textToImage: Math.min(1, k / images), imageToText: sum / images };
  });
}

function checkKs(ks: readonly number[]): void {
  for (const k of ks) {
    if (!Number.isInteger(k) || k < 1) {
      throw new EvaluationError(`retrieval: k = ${k} is not an integer of at least 1`);
    }
  }
}
