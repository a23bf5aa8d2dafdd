/**
 * Byte-pair encoding by a heap: merges the pair of the lowest rank, the leftmost among equals, until no pair can be merged, in time
 * n·log n for n symbols. This is what SentencePiece and Hugging Face's tokenizers do.
 */

/** What two neighbours become. */
export interface Merged {
  readonly id: number;
  readonly rank: number;
}

/** The ids after all merges; `join` gives the merge of two neighbours, if there is one. */
export function mergePairs(
  ids: readonly number[],
  join: (left: number, right: number) => Merged | undefined,
): number[] {
  const n = ids.length;
  const id = Int32Array.from(ids); // −1 once it is a part of its left neighbour
  const next = Int32Array.from({ length: n }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: n }, (_, i) => i - 1);
  const heap = new CandidateHeap();
  const propose = (at: number): void => {
    if (at < 0 || next[at] >= n) return;
    const merged = join(id[at], id[next[at]]);
    if (merged) heap.push({ ...merged, at, left: id[at], right: id[next[at]] });
  };
  for (let i = 0; i < n; i++) propose(i);
  for (let best = heap.pop(); best; best = heap.pop()) {
    const { at } = best;
    const right = next[at];
    // A candidate is stale if a neighbour has been merged meanwhile.
    if (id[at] !== best.left || right >= n || id[right] !== best.right) continue;
    id[at] = best.id;
    id[right] = -1;
    next[at] = next[right];
    if (next[at] < n) previous[next[at]] = at;
    propose(previous[at]);
    propose(at);
  }
  return Array.from(id).filter((each) => each !== -1);
}

interface Candidate extends Merged {
  readonly at: number;
  readonly left: number;
  readonly right: number;
}

const isBefore = (a: Candidate, b: Candidate): boolean => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);

/** A binary heap, the first candidate on top. */
class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < items.length && isBefore(items[child + 1], items[child])) child++;
      if (child >= items.length || !isBefore(items[child], last)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return top;
  }
}
