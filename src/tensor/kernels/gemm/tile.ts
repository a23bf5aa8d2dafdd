/**
 * The inner loop of the matrix product: a tile of C, `rows` × `columns`, stays in registers while k runs.
 *
 *     for p: for i, j: acc[i, j] += A[i, p] · B[p, j]        then C = (acc (+ C) (+ bias) (+ plus)) (⊙ factor)
 *
 * A row of the tile is `columns`/4 vectors of B against one broadcast number of A. Two forms differ in where A[i, p] is:
 * `byColumns`: at a + 4·i + p·aStep (packed panels, or a transposed A in place); `byRows`: at a + i·aStep + 4·p (A in
 * place). B[p, 0..columns) is at b + p·bStep.
 */
import { type Code, type Expr, func, type Local } from "../../wasm/assembler.ts";
import { add, f32x4, ge, gt, i32, lt, madd, mul, select, sub } from "../../wasm/instructions.ts";
import { doWhile, inc, loopWhile, when } from "../../wasm/loops.ts";
import { storeVectors } from "../../wasm/rows.ts";

/**
 * A register tile. Its vectors, a row of B and one number of A have to fit the 15 registers that engines allocate on x86:
 * 6·8/4 + 2 + 1. Where pairs of vectors are fused, twice as many columns fit.
 */
export interface Tile {
  readonly rows: number;
  /** A multiple of 4. */
  readonly columns: number;
}

/** Where a tile finds A. */
export type TileForm = "byRows" | "byColumns";

type Int = Local<"i32">;

/** Parameters that the kernels share. */
interface Places {
  readonly k: Int;
  readonly a: Int;
  readonly aStep: Int;
  readonly b: Int;
  readonly bStep: Int;
  readonly c: Int;
  readonly cStep: Int;
  readonly accumulate: Int;
  readonly bias: Int;
  readonly plus: Int;
  readonly factor: Int;
}

const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * The code of one tile. `rowOf(i)` wraps what is done for row i of C. It ends with `out`, the address after its last row.
 */
function tileCode(
  tile: Tile,
  form: TileForm,
  { k, a, aStep, b, bStep, c, cStep, accumulate, bias, plus, factor }: Places,
  { stepTo, rowOf }: { stepTo: (i: number) => Expr<"i32">; rowOf: (i: number, code: Code) => Code },
): { code: Code; out: Int } {
  const acc = indices(tile.rows).map(() => indices(tile.columns / 4).map(() => f32x4.local()));
  const right = acc[0].map(() => f32x4.local());
  const left = f32x4.local();
  const at = acc.map(() => i32.local()); // of each row of A
  const [p, end, out, bAt] = [i32.local(), i32.local(), i32.local(), i32.local()];

  const number = (i: number) => (form === "byRows" ? f32x4.loadSplat(add(at[i], p)) : f32x4.loadSplat(at[0], 4 * i));
  const step: Code = [
    right.map((v, j) => v.set(f32x4.load(bAt, 16 * j))),
    acc.map((vectors, i) => [left.set(number(i)), vectors.map((v, j) => v.set(madd(left, right[j], v)))]),
    inc(bAt, bStep),
  ];
  const addresses = at.map((address, i) => address.set(i === 0 ? a : add(at[i - 1], stepTo(i))));
  const products: Code =
    form === "byRows"
      ? [addresses, p.set(0), end.set(mul(k, 4)), when(k, doWhile([step, inc(p, 4)], lt(p, end)))]
      : [at[0].set(a), end.set(k), when(k, doWhile([step, inc(at[0], aStep)], end.tee(sub(end, 1))))];

  const eachRow = (start: Expr<"i32">, visit: (vectors: readonly Local<"f32x4">[]) => Code): Code => [
    out.set(start),
    acc.map((vectors, i) => rowOf(i, [visit(vectors), inc(out, cStep)])),
  ];
  const code: Code = [
    acc.map((vectors) => vectors.map((v) => v.set(f32x4.const(0)))),
    bAt.set(b),
    products,
    when(
      accumulate,
      eachRow(c, (vectors) => vectors.map((v, j) => v.set(add(f32x4.load(out, 16 * j), v)))),
    ),
    when(
      bias,
      acc.map((vectors) => vectors.map((v, j) => v.set(add(v, f32x4.load(bias, 16 * j))))),
    ),
    when(
      plus,
      eachRow(plus, (vectors) => vectors.map((v, j) => v.set(add(v, f32x4.load(out, 16 * j))))),
    ),
    when(
      factor,
      eachRow(factor, (vectors) => vectors.map((v, j) => v.set(mul(v, f32x4.load(out, 16 * j))))),
    ),
    eachRow(c, (vectors) => storeVectors(out, vectors)),
  ];
  return { code, out };
}

/** One tile of which C has `rows` rows. Rows beyond them read the last one of A; their results are discarded. */
export function tileKernel(tile: Tile, form: TileForm) {
  // biome-ignore format: one parameter list
  return func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (k, rows, a, aStep, b, bStep, c, cStep, accumulate, bias, plus, factor) =>
      tileCode(tile, form, { k, a, aStep, b, bStep, c, cStep, accumulate, bias, plus, factor }, {
        stepTo: (i) => select(gt(rows, i), aStep, 0),
        rowOf: (i, code) => when(gt(rows, i), code),
      }).code,
  );
}

/** All whole tiles of `rows` rows of C, one below the other; aNext bytes from tile to tile of A. */
export function tilesKernel(tile: Tile, form: TileForm) {
  // biome-ignore format: one parameter list
  return func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (k, rows, a, aStep, aNext, b, bStep, c, cStep, accumulate, bias, plus, factor) => {
      const places = { k, a, aStep, b, bStep, c, cStep, accumulate, bias, plus, factor };
      const { code, out } = tileCode(tile, form, places, { stepTo: () => aStep, rowOf: (_, code) => code });
      return loopWhile(ge(rows, tile.rows), [
        code,
        inc(a, aNext),
        when(plus, inc(plus, sub(out, c))),
        when(factor, inc(factor, sub(out, c))),
        c.set(out),
        rows.set(sub(rows, tile.rows)),
      ]);
    },
  );
}
