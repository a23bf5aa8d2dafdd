/** Rows of a table by number; the gradient adds up in the rows that were used. */

import type { Shape, Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** table[ids]: [V, D] → [..., D]. */
export const gather = op("gather", (table: Tensor, ids: Int32Array, shape: Shape = [ids.length]) => ({
  value: T.gather(table, ids, shape),
  vjps: [(g) => T.scatterAdd(g, ids, table.shape[0])],
}));
