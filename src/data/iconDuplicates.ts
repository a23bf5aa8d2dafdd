/**
 * Near-duplicates: icons that look the same, because one was copied or because both are a plain arrow.
 *
 *   ink of a cell = mean of (1 − luma on white)      16 × 16 cells, of the picture cut to its content
 *   distance(a, b) = |a − b|² / max(|a|², |b|²)      0: the same ink, 1: as different as a blank picture
 *
 * Below 0.04 are copies, the same simple figure from two sets, and filled figures that differ in a small hole; at 0.06 faces begin
 * to differ in their expression. So icons closer than 0.04 count as near-duplicates.
 */
import { matmul, scope, type Tensor, tensor } from "../tensor/index.ts";

/** Near-duplicates are closer than this. */
export const NEAR = 0.04;
/** Side of the grid of cells. */
const SIDE = 16;
const CELLS = SIDE * SIDE;
/** Rows that are compared at a time. */
const AT_ONCE = 1024;
/** Rec. 601. */
const LUMA = [0.299, 0.587, 0.114];

/** Ink of pictures, [count, 256], with the square of each row's length. */
export interface Ink {
  readonly count: number;
  readonly cells: Float32Array;
  readonly squares: Float32Array;
}

/** The ink of stored pictures [count, side, side, 4]; `side` is a multiple of 16. */
export function inkOf(pictures: Uint8Array, side: number): Ink {
  const bytes = side * side * 4;
  const count = pictures.length / bytes;
  const cells = new Float32Array(count * CELLS);
  const step = side / SIDE;
  const unit = 1 / (255 * step * step);
  for (let at = 0; at < pictures.length; at += 4) {
    const pixel = (at % bytes) / 4;
    const cell = Math.floor(pixel / side / step) * SIDE + Math.floor((pixel % side) / step);
    const luma = LUMA[0] * pictures[at] + LUMA[1] * pictures[at + 1] + LUMA[2] * pictures[at + 2];
    cells[Math.floor(at / bytes) * CELLS + cell] += unit * (pictures[at + 3] - luma);
  }
  const squares = new Float32Array(count);
  for (let i = 0; i < cells.length; i++) squares[Math.floor(i / CELLS)] += cells[i] * cells[i];
  return { count, cells, squares };
}

/** The ink of some rows. */
export function inkOfRows({ cells, squares }: Ink, rows: readonly number[]): Ink {
  const chosen = new Float32Array(rows.length * CELLS);
  rows.forEach((row, i) => {
    chosen.set(cells.subarray(row * CELLS, (row + 1) * CELLS), i * CELLS);
  });
  return { count: rows.length, cells: chosen, squares: Float32Array.from(rows, (row) => squares[row]) };
}

/** Calls `see` with the distance of each pair of a query and an item. */
function eachDistance(queries: Ink, items: Ink, see: (query: number, item: number, distance: number) => void): void {
  for (let from = 0; from < queries.count; from += AT_ONCE) {
    const end = Math.min(queries.count, from + AT_ONCE);
    scope(() => {
      const rows = ({ cells }: Ink, first: number, last: number): Tensor =>
        tensor(cells.subarray(first * CELLS, last * CELLS), [last - first, CELLS]);
      const { data } = matmul(rows(queries, from, end), rows(items, 0, items.count), { transposeB: true });
      for (let q = from; q < end; q++) {
        for (let i = 0; i < items.count; i++) {
          const [a, b] = [queries.squares[q], items.squares[i]];
          const apart = a + b - 2 * data[(q - from) * items.count + i];
          see(q, i, apart / Math.max(a, b, 1e-9)); // two blank pictures are duplicates
        }
      }
    });
  }
}

/** The distance of each query to the nearest of the items, and which it is; infinity without items. */
export function nearestIcons(queries: Ink, items: Ink): { distance: Float32Array; item: Int32Array } {
  const distance = new Float32Array(queries.count).fill(Number.POSITIVE_INFINITY);
  const item = new Int32Array(queries.count).fill(-1);
  eachDistance(queries, items, (q, i, apart) => {
    if (apart >= distance[q]) return;
    distance[q] = apart;
    item[q] = i;
  });
  return { distance, item };
}

/** The rows with a near-duplicate among the rows before them that stay. */
export function laterDuplicates(ink: Ink): Set<number> {
  const duplicates = new Map<number, number[]>();
  eachDistance(ink, ink, (later, earlier, apart) => {
    if (earlier < later && apart < NEAR) duplicates.set(later, [...(duplicates.get(later) ?? []), earlier]);
  });
  const left = new Set<number>();
  for (let row = 0; row < ink.count; row++)
    if (duplicates.get(row)?.some((earlier) => !left.has(earlier))) left.add(row);
  return left;
}
