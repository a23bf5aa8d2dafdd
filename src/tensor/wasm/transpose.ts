/** Transposes a 4 × 4 block of numbers, its rows in four vectors. */
import type { Code, Expr, Local } from "./assembler.ts";
import { shuffle } from "./instructions.ts";
import { vectors } from "./rows.ts";

type V = Local<"f32x4">;

/** The columns of a block; `code` goes before them. */
export function columnsOf([a, b, c, d]: readonly V[]): {
  readonly code: Code;
  readonly columns: readonly Expr<"f32x4">[];
} {
  const [ab, AB, cd, CD] = vectors(4);
  return {
    code: [
      ab.set(shuffle(a, b, [0, 4, 1, 5])),
      AB.set(shuffle(a, b, [2, 6, 3, 7])),
      cd.set(shuffle(c, d, [0, 4, 1, 5])),
      CD.set(shuffle(c, d, [2, 6, 3, 7])),
    ],
    columns: [
      shuffle(ab, cd, [0, 1, 4, 5]),
      shuffle(ab, cd, [2, 3, 6, 7]),
      shuffle(AB, CD, [0, 1, 4, 5]),
      shuffle(AB, CD, [2, 3, 6, 7]),
    ],
  };
}

/** Replaces the rows by the columns. */
export function transposeBlock(block: readonly V[]): Code {
  const { code, columns } = columnsOf(block);
  return [code, block.map((v, i) => v.set(columns[i]))];
}
