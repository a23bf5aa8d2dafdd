import { expect, test } from "vitest";
import { func } from "../../../src/tensor/wasm/assembler.ts";
import { f32x4, i32, store } from "../../../src/tensor/wasm/instructions.ts";
import { instantiate } from "../../../src/tensor/wasm/module.ts";
import { vectors } from "../../../src/tensor/wasm/rows.ts";
import { columnsOf, transposeBlock } from "../../../src/tensor/wasm/transpose.ts";

test("a block of 4 × 4 numbers becomes its transpose, in place and as expressions", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const numbers = new Float32Array(memory.buffer);
  const block = Float32Array.from({ length: 16 }, (_, i) => i);
  const transposed = block.map((_, i) => block[4 * (i % 4) + Math.floor(i / 4)]);
  const from = (x: ReturnType<typeof i32.local>) => {
    const rows = vectors(4);
    return { rows, load: rows.map((row, i) => row.set(f32x4.load(x, 16 * i))) };
  };
  const { inPlace, asExpressions } = instantiate(memory, { fma: false }, {
    inPlace: func([i32], (x) => {
      const { rows, load } = from(x);
      return [load, transposeBlock(rows), rows.map((row, i) => store(x, row, 16 * i))];
    }),
    asExpressions: func([i32], (x) => {
      const { rows, load } = from(x);
      const { code, columns } = columnsOf(rows);
      return [load, code, columns.map((column, i) => store(x, column, 16 * i))];
    }),
  }); // biome-ignore format: two functions
  for (const kernel of [inPlace, asExpressions]) {
    numbers.set(block);
    kernel(0);
    expect(numbers.slice(0, 16)).toEqual(transposed);
  }
});
