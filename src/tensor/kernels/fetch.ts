/** Brings rows into the caches before a kernel reads them in an order in which it would wait for each line. */
import { func } from "../wasm/assembler.ts";
import { i32, or, store } from "../wasm/instructions.ts";
import { inc, range } from "../wasm/loops.ts";

/**
 * Reads a number of every cache line of `rows` rows, in order. Their combination goes to `seen`: the engine may leave out reads
 * that nobody uses. WebAssembly has no instruction that only fetches.
 */
export const fetchRows = func([i32, i32, i32, i32, i32], (rows, cols, x, xRow, seen) => {
  const [i, j, at, bits] = [i32.local(), i32.local(), i32.local(), i32.local()];
  return [
    range(i, 0, rows, 1, [
      at.set(x),
      range(j, 0, cols, 16, [bits.set(or(bits, i32.load(at))), inc(at, 64)]),
      inc(x, xRow),
    ]),
    store(seen, bits),
  ];
});
