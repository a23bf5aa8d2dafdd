/** Results of asynchronous work on items in their order, begun for the next ones while one is used. */
export async function* readAhead<T, R>(
  items: readonly T[],
  ahead: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  let next = 0;
  while (next < items.length || begun.length > 0) {
    while (begun.length < ahead && next < items.length) {
      const result = work(items[next++]);
      result.catch(() => {}); // thrown where it is awaited; until then it is no unhandled rejection
      begun.push(result);
    }
    yield await begun.shift()!;
  }
}
