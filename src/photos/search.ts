/** Searches an index: by words, by an image, by a weighted sum of both. */
import { backgroundOf } from "./background.ts";
import type { PhotoFacts } from "./facts.ts";
import { dot, type PhotoIndex } from "./photoIndex.ts";
import { bestFirst, type Ranked } from "./ranking.ts";
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
  const { photos } = index;
  const { slope, offset, probability } = backgroundOf(index.sampleScores(query), photos.length, t, bias);
  const least = (Math.log(minProbability / (1 - minProbability)) - offset) / slope;
  const passes = filterOf(search);
  const bounds = index.scoreBounds(query);
  const candidates = new Int32Array(bounds.length);
  let count = 0;
  for (let i = 0; i < bounds.length; i++) if (bounds[i] >= least && passes(photos[i])) candidates[count++] = i;
  const found: (Ranked & { readonly embedding: Float32Array; readonly duplicates: PhotoFacts[] })[] = [];
  for (const { i, score } of bestFirst(candidates.subarray(0, count), bounds, (each) => index.score(each, query))) {
    if (score < least) break;
    const embedding = index.embedding(i);
    const same = found.find((each) => dot(each.embedding, embedding) >= SAME);
    if (same) same.duplicates.push(photos[i]);
    else if (found.length < top) found.push({ i, score, embedding, duplicates: [] });
    else break;
  }
  return found.map(({ i, score, duplicates }, rank) => ({
    rank: rank + 1,
    photo: photos[i],
    similarity: score,
    probability: probability(score),
    duplicates,
  }));
}

/** The day of a picture: when it was taken, or else last changed, in UTC. */
const dayOf = ({ taken, modified }: PhotoFacts): string => taken ?? new Date(modified).toISOString();

const DAY = /^\d{4}(-\d{2}(-\d{2})?)?$/;

/** Whether a text is a year, a month or a day of the calendar. */
function isDay(text: string): boolean {
  if (!DAY.test(text)) return false;
  const date = new Date(`${text}T00:00Z`.replace(/^(\d{4})T/, "$1-01T").replace(/^(\d{4}-\d{2})T/, "$1-01T"));
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text); // 2024-02-30 would be March 1
}

function filterOf({ under, from, to }: PhotoFilter): (photo: PhotoFacts) => boolean {
  for (const day of [from, to]) {
    if (day === undefined || isDay(day)) continue;
    throw new PhotoIndexError(`search: "${day}" is not a day; write 2024, 2024-05 or 2024-05-31`);
  }
  if (from !== undefined && to !== undefined && from.slice(0, to.length) > to) {
    throw new PhotoIndexError(`search: no day is both from ${from} on and up to ${to}; exchange them`);
  }
  const folder = under === undefined ? "" : `${under.replace(/^\.\//, "").replace(/\/+$/, "")}/`;
  const isInTime = (photo: PhotoFacts): boolean => {
    const day = dayOf(photo);
    return !(from !== undefined && day < from) && !(to !== undefined && day.slice(0, to.length) > to);
  };
  const isAnyDay = from === undefined && to === undefined;
  return (photo) => (folder === "" || photo.file.startsWith(folder)) && (isAnyDay || isInTime(photo));
}
