/**
 * The best of many whose scores are expensive: they are computed only for those that may be next.
 *
 * A heap has all candidates, the highest key on top; the key of one is the bound of its score, and then the score itself. A candidate
 * that comes to the top with its score is the next of the ranking, since no other may have a higher one; with a bound it gets its
 * score and sinks. (Seidl & Kriegel 1998, "Optimal multi-step k-nearest neighbor search".)
 */

/** A candidate with its score. */
export interface Ranked {
  readonly i: number;
  readonly score: number;
}

/**
 * Yields candidates, the highest score first and of equal ones the lowest i. `bounds[i]` must not be less than `scoreOf(i)`; it is
 * replaced by the score once that is known, and the candidates are reordered.
 */
export function* bestFirst(
  candidates: Int32Array,
  bounds: Float64Array,
  scoreOf: (i: number) => number,
): Generator<Ranked> {
  const known = new Set<number>();
  const precedes = (a: number, b: number): boolean => bounds[a] > bounds[b] || (bounds[a] === bounds[b] && a < b);
  const heap = heapOf(candidates, precedes);
  for (let top = heap.top(); top !== undefined; top = heap.top()) {
    if (known.has(top)) {
      yield { i: top, score: bounds[top] };
      heap.removeTop();
    } else {
      bounds[top] = scoreOf(top);
      known.add(top);
      heap.sinkTop();
    }
  }
}

/** Makes a binary heap of the entries: the children of entry p are entries 2p + 1 and 2p + 2, and neither precedes it. */
function heapOf(heap: Int32Array, precedes: (a: number, b: number) => boolean) {
  let size = heap.length;
  const sink = (from: number): void => {
    const item = heap[from];
    let hole = from;
    for (;;) {
      let child = 2 * hole + 1;
      if (child + 1 < size && precedes(heap[child + 1], heap[child])) child++;
      if (child >= size || !precedes(heap[child], item)) break;
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = item;
  };
  for (let parent = (size >> 1) - 1; parent >= 0; parent--) sink(parent);
  return {
    top: (): number | undefined => (size > 0 ? heap[0] : undefined),
    /** The top has got a lower key. */
    sinkTop: (): void => sink(0),
    removeTop: (): void => {
      heap[0] = heap[--size];
      sink(0);
    },
  };
}
