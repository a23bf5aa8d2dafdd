/**
 * Panels for the matrix product: `width` numbers of each of k steps side by side, so that the inner loop reads sequentially.
 *
 *     panel[p, r] = X[p, r]  (copy: X is [k, ...], a step is a row)     panel[p, r] = X[r, p]  (transpose)
 *
 * A step has `count` ≤ width numbers; the rest of the panel is padding, and its results are discarded.
 */
import { type Code, type Expr, func } from "../../wasm/assembler.ts";
import { add, f32, f32x4, i32, lt, mul, select, shl, store, sub } from "../../wasm/instructions.ts";
import { inc, range, when } from "../../wasm/loops.ts";
import { storeVectors } from "../../wasm/rows.ts";
import { columnsOf } from "../../wasm/transpose.ts";

const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** (k, count, x, xStep, panel): `count` numbers from each row of x; xStep bytes from row to row. */
export function packCopy(width: number) {
  return func([i32, i32, i32, i32, i32], (k, count, x, xStep, panel) => {
    const p = i32.local();
    const r = i32.local();
    const whole = Math.floor(width / 4);
    const row: Code = [
      storeVectors(
        panel,
        indices(whole).map((j) => f32x4.load(x, 16 * j)),
      ),
      indices(width % 4).map((j) => store(panel, f32.load(x, 16 * whole + 4 * j), 16 * whole + 4 * j)),
    ];
    const number = (of: Expr<"i32">) => add(of, shl(r, 2));
    const part: Code = [
      range(r, 0, count, 1, store(number(panel), f32.load(number(x)))),
      range(r, r, width, 1, store(number(panel), f32.const(0))),
    ];
    const each = (body: Code): Code => range(p, 0, k, 1, [body, inc(x, xStep), inc(panel, 4 * width)]);
    return when(lt(count, width), each(part), each(row));
  });
}

/** (k, count, x, xStep, panel): a column from each of `count` rows of x; four rows by four steps at a time. */
export function packTranspose(width: number) {
  return func([i32, i32, i32, i32, i32], (k, count, x, xStep, panel) => {
    const p = i32.local();
    const r = i32.local();
    const to = i32.local();
    const at = indices(4).map(() => i32.local());
    const v = indices(4).map(() => f32x4.local());
    // Rows beyond the last read the last one.
    const last = sub(count, 1);
    const address = (i: number) => {
      const row = add(r, i);
      return add(x, mul(xStep, select(lt(last, row), last, row)));
    };
    const { code, columns } = columnsOf(v);
    const transpose: Code = [
      v.map((vector, i) => vector.set(f32x4.load(add(at[i], shl(p, 2))))),
      code,
      columns.map((column, i) => store(to, column, 4 * i * width)),
      inc(to, 16 * width),
    ];
    const rest: Code = [at.map((row, i) => store(to, f32.load(add(row, shl(p, 2))), 4 * i)), inc(to, 4 * width)];
    return range(r, 0, width, 4, [
      at.map((row, i) => row.set(address(i))),
      to.set(add(panel, shl(r, 2))),
      range(p, 0, sub(k, 3), 4, transpose),
      range(p, p, k, 1, rest),
    ]);
  });
}
