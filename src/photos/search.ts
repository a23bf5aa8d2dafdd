/** Searches an index: by words, by an image, by a weighted sum of both. */
import { backgroundOf } from "./background.ts";
import type { PhotoFacts } from "./facts.ts";
import type { PhotoIndex } from "./photoIndex.ts";
import { PhotoIndexError } from "./segments.ts";

/** A part of a query: a unit embedding [d] and its weight, negative for what a picture must not show. */
export interface QueryPart {
  readonly embedding: Float32Array;
  readonly weight: number;
}

/** The unit embedding of a weighted sum. Throws `PhotoIndexError` if the parts cancel. */
export function combine(parts: readonly QueryPart[]): Float32Array {
  const sum = new Float64Array(parts[0].embedding.length);
  for (const { embedding, weight } of parts) for (let k = 0; k < sum.length; k++) sum[k] += weight * embedding[k];
  const length = Math.hypot(...sum);
  if (!(length > 1e-6))
    throw new PhotoIndexError("search: the parts of the query cancel each other; use other weights");
  return Float32Array.from(sum, (x) => x / length);
}

/** Which pictures are answers. */
export interface PhotoFilter {
  /** A folder below the indexed one. */
  readonly under?: string | undefined;
  /** First and last day, "2024", "2024-05" or "2024-05-31": by the date in the picture, or else of its last change. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Options of `searchPhotos`. */
export interface PhotoSearch extends PhotoFilter {
  readonly top: number;
  readonly minProbability: number;
  /** t of the model. */
  readonly t: number;
  /** b of the model, for a query of words alone if the model gives probabilities. */
  readonly bias?: number | undefined;
}

/** A found picture. */
export interface PhotoResult {
  readonly rank: number;
  readonly photo: PhotoFacts;
  readonly similarity: number;
  readonly probability: number;
  /** Pictures that look the same, not listed by themselves. */
  readonly duplicates: readonly PhotoFacts[];
}

/** Cosine similarity from which on two pictures are taken for one. */
const SAME = 0.99;

/** Pictures that match, the most similar first; none if nothing does. Ties go to the earlier picture in the index. */
export function searchPhotos(index: PhotoIndex, query: Float32Array, search: PhotoSearch): PhotoResult[] {
  const { top, minProbability, t, bias } = search;
  const scores = index.scores(query);
  const { slope, offset, probability } = backgroundOf(scores, t, bias);
  const least = (Math.log(minProbability / (1 - minProbability)) - offset) / slope;
  const passes = filterOf(search);
  const matching: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] >= least && passes(index.photos[i])) matching.push(i);
  matching.sort((a, b) => scores[b] - scores[a] || a - b);
  const found: { readonly i: number; readonly embedding: Float32Array; readonly duplicates: PhotoFacts[] }[] = [];
  for (const i of matching) {
    const embedding = index.embedding(i);
    const same = found.find((each) => dot(each.embedding, embedding) >= SAME);
    if (same) same.duplicates.push(index.photos[i]);
    else if (found.length < top) found.push({ i, embedding, duplicates: [] });
    else break;
  }
  return found.map(({ i, duplicates }, rank) => ({
    rank: rank + 1,
    photo: index.photos[i],
    similarity: scores[i],
    probability: probability(scores[i]),
    duplicates,
  }));
}

/** The day of a picture: when it was taken, or else last changed, in UTC. */
const dayOf = ({ taken, modified }: PhotoFacts): string => taken ?? new Date(modified).toISOString();

const DAY = /^\d{4}(-\d{2}(-\d{2})?)?$/;

function filterOf({ under, from, to }: PhotoFilter): (photo: PhotoFacts) => boolean {
  for (const day of [from, to]) {
    if (day === undefined || DAY.test(day)) continue;
    throw new PhotoIndexError(`search: "${day}" is not a day; write 2024, 2024-05 or 2024-05-31`);
  }
  const folder = under === undefined ? "" : `${under.replace(/^\.\//, "").replace(/\/+$/, "")}/`;
  return (photo) => {
    const day = dayOf(photo);
    const isLate = to !== undefined && day.slice(0, to.length) > to;
    return (folder === "" || photo.file.startsWith(folder)) && !(from !== undefined && day < from) && !isLate;
  };
}

function dot(x: Float32Array, y: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k] * y[k];
  return sum;
}
