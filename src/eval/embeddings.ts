/**
 * Embeddings for evaluation: rows of a flat, row-major array [rows, d], and the score x·y of two rows.
 *
 * Every score is one sum in index order in double precision. So a pair has the same bits in both directions of retrieval, and
 * ties are ties.
 */
import { EvaluationError } from "./evaluationError.ts";

/** Rows of a flat, row-major array [rows, d]. */
export type Embeddings = Float32Array | Float64Array;

/** Number of rows of width `d`. Throws `EvaluationError` if the length is not a multiple of `d` or a number is not finite. */
export function rowsOf(op: string, name: string, z: Embeddings, d: number): number {
  const rows = z.length / d;
  if (!Number.isInteger(rows) || rows < 1) {
    throw new EvaluationError(`${op}: ${name} holds ${z.length} numbers, not a whole number of rows of ${d}`);
  }
  let bad = 0; // a loop: findIndex takes ten times as long, which shows where rows are whole images
  while (bad < z.length && Number.isFinite(z[bad])) bad++;
  if (bad < z.length) {
    if (typeof z[bad] !== "number") {
      const how = "give all rows in one Float32Array, as Float32Array.from(rows.flat())";
      throw new EvaluationError(`${op}: entry ${bad} of ${name} is not a number; ${how}`);
    }
    throw new EvaluationError(
      `${op}: ${name} row ${Math.floor(bad / d)} holds ${z[bad]}; an embedding must be finite (did training diverge?)`,
    );
  }
  return rows;
}

/** x_i · y_j. */
export function score(x: Embeddings, i: number, y: Embeddings, j: number, d: number): number {
  let sum = 0;
  for (let k = 0; k < d; k++) sum += x[i * d + k] * y[j * d + k];
  return sum;
}

/** Scores of row `i` of `x` with every row of `y`, written to `out`: the bits of `score`, four rows at a time. */
export function scoreRow(x: Embeddings, i: number, y: Embeddings, d: number, out: Float64Array): void {
  const rows = out.length;
  let j = 0;
  for (; j + 4 <= rows; j += 4) {
    const y0 = j * d;
    const y1 = y0 + d;
    const y2 = y1 + d;
    const y3 = y2 + d;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let k = 0; k < d; k++) {
      const xk = x[i * d + k];
      s0 += xk * y[y0 + k];
      s1 += xk * y[y1 + k];
      s2 += xk * y[y2 + k];
      s3 += xk * y[y3 + k];
    }
    out[j] = s0;
    out[j + 1] = s1;
    out[j + 2] = s2;
    out[j + 3] = s3;
  }
  for (; j < rows; j++) out[j] = score(x, i, y, j, d);
}

/** A row of the candidates and its score. */
export interface Neighbour {
  readonly index: number;
  readonly score: number;
}

/** The `k` rows of `candidates` that score highest with `query` [d], best first; ties go to the lower index. */
export function nearest(query: Embeddings, candidates: Embeddings, k: number): Neighbour[] {
  const d = query.length;
  rowsOf("nearest", "query", query, d);
  const scores = new Float64Array(rowsOf("nearest", "candidates", candidates, d));
  scoreRow(query, 0, candidates, d, scores);
  const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, k).map((index) => ({ index, score: scores[index] }));
}
