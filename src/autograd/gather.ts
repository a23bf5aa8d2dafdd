/** Rows of a table by id; the gradient accumulates in the rows that were read. */

import type { Shape, Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { type Op, op } from "./op.ts";

// The type is written out: inferred, it would be published with `Int32Array<ArrayBufferLike>`, new in TypeScript 5.7.
type Gather = Op<[table: Tensor, ids: Int32Array, shape?: Shape]>;

/** table[ids]: [V, D] → [..., D]. */
export const gather: Gather = op("gather", (table: Tensor, ids: Int32Array, shape: Shape = [ids.length]) => ({
  value: T.gather(table, ids, shape),
  vjps: [(g) => T.scatterAdd(g, ids, table.shape[0])],
}));
