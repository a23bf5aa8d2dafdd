/**
 * The inner loop of the matrix product: a tile of C, `rows` × `columns`, stays in registers while k runs.
 *
 *     for p: for i, j: acc[i, j] += A[i, p] · B[p, j]        then C (+)= acc (+ bias)
 *
 * A row of the tile is `columns`/4 vectors of B against one broadcast number of A. Two forms differ in where A[i, p] is:
 * `byColumns`: at a + 4·i + p·aStep (packed panels, or a transposed A in place); `byRows`: at a + i·aStep + 4·p (A in
 * place). B[p, 0..columns) is at b + p·bStep.
 */
import { type Code, func, type Local } from "../../wasm/assembler.ts";
import { add, f32x4, gt, i32, lt, madd, mul, select, store, sub } from "../../wasm/instructions.ts";
import { doWhile, inc, when } from "../../wasm/loops.ts";

/**
 * A register tile. Its vectors, a row of B and one number of A have to fit the 15 registers that engines allocate on x86:
 * 6·8/4 + 2 + 1. Where pairs of vectors are fused, twice as many columns fit.
 */
export interface Tile {
  readonly rows: number;
  /** A multiple of 4. */
  readonly columns: number;
}

const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export function tileKernel(tile: Tile, form: "byRows" | "byColumns") {
  // biome-ignore format: one parameter list
  return func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (k, rows, a, aStep, b, bStep, c, cStep, accumulate, bias) => {
      const acc = indices(tile.rows).map(() => indices(tile.columns / 4).map(() => f32x4.local()));
      const right = acc[0].map(() => f32x4.local());
      const left = f32x4.local();
      const at = acc.map(() => i32.local()); // of each row of A
      const p = i32.local(); // bytes along a row of A
      const end = i32.local();
      const out = i32.local(); // a row of C

      const row = (i: number) => (form === "byRows" ? f32x4.loadSplat(add(at[i], p)) : f32x4.loadSplat(a, 4 * i));
      const step: Code = [
        right.map((v, j) => v.set(f32x4.load(b, 16 * j))),
        acc.map((vectors, i) => [
          left.set(row(i)),
          vectors.map((v, j) => v.set(madd(left, right[j], v))),
        ]),
        inc(b, bStep),
      ];
      // Rows beyond the last read the last one; their results are discarded.
      const rowAddresses = at.map((address, i) =>
        address.set(i === 0 ? a : add(at[i - 1], select(gt(rows, i), aStep, 0))),
      );
      const loop: Code =
        form === "byRows"
          ? [rowAddresses, end.set(mul(k, 4)), when(k, doWhile([step, inc(p, 4)], lt(p, end)))]
          : when(k, doWhile([step, inc(a, aStep)], k.tee(sub(k, 1))));

      // Rows of the tile beyond C are not stored.
      const eachRow = (write: (v: Local<"f32x4">, at: number) => Code): Code => [
        out.set(c),
        acc.map((vectors, i) => when(gt(rows, i), [vectors.map((v, j) => write(v, 16 * j)), inc(out, cStep)])),
      ];
      return [
        loop,
        when(accumulate, eachRow((v, at) => v.set(add(f32x4.load(out, at), v)))),
        when(bias, acc.map((vectors) => vectors.map((v, j) => v.set(add(v, f32x4.load(bias, 16 * j)))))),
        eachRow((v, at) => store(out, v, at)),
      ];
    },
  );
}
