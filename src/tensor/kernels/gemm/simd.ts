/**
 * C = op(A)·op(B) [+ C] [+ bias], batched, by register tiles.
 *
 *     for each batch entry, for each block of N columns, for each block of K steps:
 *       pack the part of B that the tiles cannot read in place
 *       for each block of M rows: (the same for Aᵀ) for each panel of B, for each tile of rows: the tile
 *
 * Every number of C is the sum over p in order within a block of K steps, and over the blocks in order: it does not depend on
 * the tile, on M, N or the batch, or on the addresses of the matrices.
 *
 * The tile can read A in place in both forms (rows: `byRows`; transposed: `byColumns`). B is packed when it is
 * transposed, at the right edge, and where packing pays. Goto & van de Geijn 2008, "Anatomy of high-performance matrix
 * multiplication", gives the order of the loops.
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Operand, type Variant } from "../../wasm/assembler.ts";
import { add, f32, f32x4, i32, lt, mul, or, select, shl, store, sub } from "../../wasm/instructions.ts";
import { doWhile, inc, range, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { fetchRows } from "../fetch.ts";
import type { GemmKernels } from "./interface.ts";
import { packCopy, packTranspose } from "./pack.ts";
import { type Tile, tileKernel } from "./tile.ts";

const K_BLOCK = 256; // steps: a panel of B (16 columns: 16 KiB) stays in the L1 cache
const N_BLOCK = 1024; // columns: a block of B (1 MiB) stays in the L2 or L3 cache
const M_TILES = 32; // tiles: a block of A (6 rows: 192 KiB) stays in the L2 cache while B and C stream through
const LOW = 4; // rows of the tile that computes so many or fewer last rows, as of 64 = 10·6 + 4

const least = (a: Expr<"i32">, b: Operand<"i32">): Expr<"i32"> => select(lt(a, b), a, b);

/** C[0..rows, 0..columns) (+)= tile (+ bias): the tile kernel does this itself when the tile has all its columns. */
function mergeTile(tile: Tile) {
  return func([i32, i32, i32, i32, i32, i32, i32], (rows, columns, from, c, cStep, accumulate, bias) => {
    const i = i32.local();
    const j = i32.local();
    const at = i32.local();
    const four = f32x4.local();
    const one = f32.local();
    const number = (base: Expr<"i32">) => add(base, shl(j, 2));
    return range(i, 0, rows, 1, [
      range(j, 0, sub(columns, 3), 4, [
        at.set(number(c)),
        four.set(f32x4.load(number(from))),
        when(accumulate, four.set(add(f32x4.load(at), four))),
        when(bias, four.set(add(four, f32x4.load(number(bias))))),
        store(at, four),
      ]),
      range(j, j, columns, 1, [
        at.set(number(c)),
        one.set(f32.load(number(from))),
        when(accumulate, one.set(add(f32.load(at), one))),
        when(bias, one.set(add(one, f32.load(number(bias))))),
        store(at, one),
      ]),
      inc(c, cStep),
      inc(from, 4 * tile.columns),
    ]);
  });
}

const bothForms = (tile: Tile) => ({ byRows: tileKernel(tile, "byRows"), byColumns: tileKernel(tile, "byColumns") });

/**
 * Takes the scratch of the packed panels from the heap and returns the function of the module. Its parameters are those
 * of GemmArgs; steps from row to row (aRow, ...) and from entry to entry (aNext, ...) are bytes, flags are 0 or 1, and
 * packA, packB say whether to pack a matrix that the tile could also read in place, fetchA whether to fetch A before.
 */
function gemmFunction(heap: Heap, tile: Tile) {
  const { rows, columns } = tile;
  const panelsB = heap.allocate(4 * K_BLOCK * (N_BLOCK + columns));
  const panelsA = heap.allocate(4 * K_BLOCK * M_TILES * rows);
  const edge = heap.allocate(4 * rows * columns);
  const seen = heap.allocate(4);
  const full = bothForms(tile);
  const low = rows > LOW ? bothForms({ rows: LOW, columns }) : full;
  const copyA = packCopy(rows);
  const copyB = packCopy(columns);
  const transposeB = packTranspose(columns);
  const merge = mergeTile(tile);

  // biome-ignore format: one parameter list
  return func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (
      m, n, k, a, aRow, b, bRow, c, cRow, transA, transB, accumulate, bias, batch, aNext, bNext, cNext, packA, fetchA,
      packB,
    ) => {
      // Blocks start at (i0, j0, p0) and are [mc, kc] and [kc, nc]; tiles start at (i, j) in them and are [mr, nr].
      const [j0, nc, p0, kc, i0, mc] = [0, 1, 2, 3, 4, 5].map(() => i32.local());
      const [j, nr, i, mr, s] = [0, 1, 2, 3, 4].map(() => i32.local());
      const [blockA, blockB, adding, withBias] = [0, 1, 2, 3].map(() => i32.local());
      const [tileA, tileB, tileC, stepA, stepB, tileBias] = [0, 1, 2, 3, 4, 5].map(() => i32.local());

      /** Address of (row, column) where a row takes `step` bytes. */
      const at = (base: Expr<"i32">, row: Expr<"i32">, step: Expr<"i32">, column: Expr<"i32">) =>
        add(add(base, mul(row, step)), shl(column, 2));
      const panelA = add(i32.const(panelsA), mul(i, shl(kc, 2)));
      const panelB = add(i32.const(panelsB), mul(j, shl(kc, 2)));

      const packBlockB: Code = range(j, 0, nc, columns, [
        nr.set(least(sub(nc, j), columns)),
        when(transB,
          call(transposeB, kc, nr, at(blockB, j, bRow, i32.const(0)), bRow, panelB),
          when(or(packB, lt(nr, columns)), call(copyB, kc, nr, add(blockB, shl(j, 2)), bRow, panelB)),
        ),
      ]);
      const packBlockA: Code = range(i, 0, mc, rows, [
        mr.set(least(sub(mc, i), rows)),
        when(or(packA, lt(mr, rows)), call(copyA, kc, mr, add(blockA, shl(i, 2)), aRow, panelA)),
      ]);
      const chooseB: Code = when(or(or(packB, transB), lt(nr, columns)),
        [tileB.set(panelB), stepB.set(4 * columns)],
        [tileB.set(add(blockB, shl(j, 2))), stepB.set(bRow)],
      );
      const chooseA: Code = when(transA,
        when(or(packA, lt(mr, rows)),
          [tileA.set(panelA), stepA.set(4 * rows)],
          [tileA.set(add(blockA, shl(i, 2))), stepA.set(aRow)],
        ),
        [tileA.set(add(blockA, mul(i, aRow))), stepA.set(aRow)],
      );
      const product = (to: Expr<"i32">, step: Operand<"i32">, plus: Operand<"i32">, row: Operand<"i32">): Code => {
        const by = ({ byRows, byColumns }: typeof full): Code =>
          when(transA,
            call(byColumns, kc, mr, tileA, stepA, tileB, stepB, to, step, plus, row),
            call(byRows, kc, mr, tileA, stepA, tileB, stepB, to, step, plus, row),
          );
        return when(lt(mr, LOW + 1), by(low), by(full));
      };
      const oneTile: Code = [
        mr.set(least(sub(mc, i), rows)),
        chooseA,
        tileC.set(at(c, add(i0, i), cRow, add(j0, j))),
        when(lt(nr, columns),
          [
            product(i32.const(edge), 4 * columns, 0, 0),
            call(merge, mr, nr, i32.const(edge), tileC, cRow, adding, tileBias),
          ],
          product(tileC, cRow, adding, tileBias),
        ),
      ];
      const oneBlock: Code = [
        kc.set(least(sub(k, p0), K_BLOCK)),
        blockB.set(select(transB, at(b, j0, bRow, p0), at(b, p0, bRow, j0))),
        when(fetchA, call(fetchRows, kc, m, at(a, p0, aRow, i32.const(0)), aRow, i32.const(seen))),
        packBlockB,
        adding.set(select(p0, i32.const(1), accumulate)),
        withBias.set(select(p0, i32.const(0), bias)),
        range(i0, 0, m, rows * M_TILES, [
          mc.set(least(sub(m, i0), rows * M_TILES)),
          blockA.set(select(transA, at(a, p0, aRow, i0), at(a, i0, aRow, p0))),
          when(transA, packBlockA),
          range(j, 0, nc, columns, [
            nr.set(least(sub(nc, j), columns)),
            chooseB,
            tileBias.set(select(withBias, add(withBias, shl(add(j0, j), 2)), 0)),
            range(i, 0, mc, rows, oneTile),
          ]),
        ]),
        inc(p0, K_BLOCK),
      ];
      return range(s, 0, batch, 1, [
        range(j0, 0, n, N_BLOCK, [
          nc.set(least(sub(n, j0), N_BLOCK)),
          p0.set(0),
          doWhile(oneBlock, lt(p0, k)), // once if k is 0: C still has to be written
        ]),
        inc(a, aNext),
        inc(b, bNext),
        inc(c, cNext),
      ]);
    },
  );
}

export function simdGemm(heap: Heap, variant: Variant, tile: Tile): GemmKernels {
  const wasm = instantiate(heap.memory, variant, { gemm: gemmFunction(heap, tile) });
  return {
    gemm(args) {
      const { transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate = false, bias = 0, batch = 1 } = args;
      const { strideA = 0, strideB = 0, strideC = 0 } = args;
      // Packing pays when a panel is read often; in place, long rows of Aᵀ also use few sets of the cache.
      const packA = Number(transA && n > 64 && lda > 256);
      // In a gradient Aᵀ is an activation, written long ago: the tiles, which read a few numbers of each row, would wait for it.
      const fetchA = Number(transA && !packA && lda <= 512 && batch === 1);
      const packB = Number(m > 64);
      wasm.gemm(
        m, n, k, a, 4 * lda, b, 4 * ldb, c, 4 * ldc, Number(transA), Number(transB), Number(accumulate), bias,
        batch, 4 * strideA, 4 * strideB, 4 * strideC, packA, fetchA, packB,
      ); // biome-ignore format: as the parameters above
    },
  };
}
