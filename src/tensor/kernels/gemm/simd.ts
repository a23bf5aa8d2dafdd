/**
 * C = (op(A)·op(B) [+ C] [+ bias] [+ plus]) [⊙ factor], batched, by register tiles.
 *
 *     for each batch entry, for each block of N columns, for each block of K steps:
 *       pack the part of B that the tiles cannot read in place
 *       for each block of M rows: (the same for Aᵀ) for each panel of B, for each tile of rows: the tile
 *
 * Every number of C is the sum over p in order within a block of K steps, and over the blocks in order. It depends on K and on
 * whether A is transposed, not on the tile, M, N, the batch, or the addresses of the matrices.
 *
 * The tile can read A in place in both forms (rows: `byRows`; transposed: `byColumns`). B is packed when it is
 * transposed, at the right edge, and where packing pays. Goto & van de Geijn 2008, "Anatomy of high-performance matrix
 * multiplication", gives the order of the loops.
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, type Operand, type Variant } from "../../wasm/assembler.ts";
import { add, div, f32, f32x4, i32, lt, mul, or, select, shl, store, sub } from "../../wasm/instructions.ts";
import { doWhile, inc, range, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { fetchRows } from "../fetch.ts";
import type { GemmKernels } from "./interface.ts";
import { packCopy, packTranspose } from "./pack.ts";
import { type Tile, type TileForm, tileKernel, tilesKernel } from "./tile.ts";

const A_BLOCK = 49152; // numbers: a block of A (192 KiB) stays in the L2 cache while B and C stream through
const B_BLOCK = 2 ** 19; // numbers: a block of B (2 MiB) stays in the L3 cache
/**
 * The most steps of a block. Every block of steps but the first reads and writes all of C, so they should be long. With Aᵀ, where
 * a step is a row of memory, they should be short: 256 steps of 16 columns of B are 16 KiB, half of the L1 cache.
 */
const K_BLOCK = { byRows: 1024, byColumns: 256 };
const LOW = 4; // rows of the tile that computes so many or fewer last rows, as of 64 = 10·6 + 4

type Int = Operand<"i32">;

const least = (a: Expr<"i32">, b: Int): Expr<"i32"> => select(lt(a, b), a, b);

/** C = (tile (+ C) (+ bias) (+ plus)) (⊙ factor) of `columns` columns: the tile kernel does this itself when the tile has all its columns. */
function mergeTile(tile: Tile) {
  return func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32],
    (rows, columns, from, c, cStep, accumulate, bias, plus, factor) => {
      const i = i32.local();
      const j = i32.local();
      const at = i32.local();
      const number = (base: Expr<"i32">) => add(base, shl(j, 2));
      /** The numbers from j on that `v` holds. */
      const merged = <T extends "f32" | "f32x4">(load: (at: Expr<"i32">) => Expr<T>, v: Local<T>): Code => [
        at.set(number(c)),
        v.set(load(number(from))),
        when(accumulate, v.set(add(load(at), v))),
        when(bias, v.set(add(v, load(number(bias))))),
        when(plus, v.set(add(v, load(number(plus))))),
        when(factor, v.set(mul(v, load(number(factor))))),
        store(at, v),
      ];
      const four = merged((x) => f32x4.load(x), f32x4.local());
      const one = merged((x) => f32.load(x), f32.local());
      return range(i, 0, rows, 1, [
        range(j, 0, sub(columns, 3), 4, four),
        range(j, j, columns, 1, one),
        inc(c, cStep),
        when(plus, inc(plus, cStep)),
        when(factor, inc(factor, cStep)),
        inc(from, 4 * tile.columns),
      ]);
    },
  );
}

const bothForms = <K>(kernel: (tile: Tile, form: TileForm) => K, tile: Tile): Record<TileForm, K> => ({
  byRows: kernel(tile, "byRows"),
  byColumns: kernel(tile, "byColumns"),
});

/**
 * Takes the scratch of the packed panels from the heap and returns the function of the module. Its parameters are those
 * of GemmArgs; steps from row to row (aRow, ...) and from entry to entry (aNext, ...) are bytes, flags are 0 or 1, and
 * packA, packB say whether to pack a matrix that the tile could also read in place, fetchA whether to fetch A before.
 * mBlock, nBlock and kBlock are the sides of the blocks.
 */
function gemmFunction(heap: Heap, tile: Tile) {
  const { rows, columns } = tile;
  const panelsB = heap.allocate(4 * B_BLOCK);
  const panelsA = heap.allocate(4 * A_BLOCK);
  const edge = heap.allocate(4 * rows * columns);
  const seen = heap.allocate(4);
  const whole = bothForms(tilesKernel, tile);
  const full = bothForms(tileKernel, tile);
  const low = rows > LOW ? bothForms(tileKernel, { rows: LOW, columns }) : full;
  const copyA = packCopy(rows);
  const copyB = packCopy(columns);
  const transposeB = packTranspose(columns);
  const merge = mergeTile(tile);

  // biome-ignore format: one parameter list
  return func(
    [
      i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32,
    ],
    (
      m, n, k, a, aRow, b, bRow, c, cRow, transA, transB, accumulate, bias, batch, aNext, bNext, cNext, packA, fetchA,
      packB, plus, factor, mBlock, nBlock, kBlock,
    ) => {
      // Blocks start at (i0, j0, p0) and are [mc, kc] and [kc, nc]; tiles start at (i, j) in them and are [mr, nr].
      const [j0, nc, p0, kc, i0, mc] = [0, 1, 2, 3, 4, 5].map(() => i32.local());
      const [j, nr, i, mr, s] = [0, 1, 2, 3, 4].map(() => i32.local());
      const [blockA, blockB, adding, withBias, withPlus, withFactor] = [0, 1, 2, 3, 4, 5].map(() => i32.local());
      const [tileA, tileB, tileC, stepA, stepB, tileBias, tilePlus, tileFactor] = [0, 1, 2, 3, 4, 5, 6, 7].map(() => i32.local());

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
      const product = (to: Expr<"i32">, step: Int, ...then: [accumulate: Int, bias: Int, plus: Int, factor: Int]): Code => {
        const by = ({ byRows, byColumns }: typeof full): Code =>
          when(transA,
            call(byColumns, kc, mr, tileA, stepA, tileB, stepB, to, step, ...then),
            call(byRows, kc, mr, tileA, stepA, tileB, stepB, to, step, ...then),
          );
        return when(lt(mr, LOW + 1), by(low), by(full));
      };
      const chooseTile: Code = [
        mr.set(least(sub(mc, i), rows)),
        chooseA,
        tileC.set(at(c, add(i0, i), cRow, add(j0, j))),
        tilePlus.set(select(withPlus, add(withPlus, sub(tileC, c)), 0)),
        tileFactor.set(select(withFactor, add(withFactor, sub(tileC, c)), 0)),
      ];
      const edgePanel: Code = range(i, 0, mc, rows, [
        chooseTile,
        product(i32.const(edge), 4 * columns, 0, 0, 0, 0),
        call(merge, mr, nr, i32.const(edge), tileC, cRow, adding, tileBias, tilePlus, tileFactor),
      ]);
      const wholeTiles = (kernel: (typeof whole)[TileForm], aNext: Expr<"i32">): Code =>
        call(kernel, kc, mc, tileA, stepA, aNext, tileB, stepB, tileC, cRow, adding, tileBias, tilePlus, tileFactor);
      const wholePanel: Code = [
        i.set(0),
        chooseTile,
        when(transA,
          wholeTiles(whole.byColumns, select(packA, mul(kc, 4 * rows), i32.const(4 * rows))),
          wholeTiles(whole.byRows, mul(aRow, rows)),
        ),
        mr.set(sub(mc, mul(div(mc, rows), rows))),
        when(mr, [i.set(sub(mc, mr)), chooseTile, product(tileC, cRow, adding, tileBias, tilePlus, tileFactor)]),
      ];
      const oneBlock: Code = [
        kc.set(least(sub(k, p0), kBlock)),
        blockB.set(select(transB, at(b, j0, bRow, p0), at(b, p0, bRow, j0))),
        when(fetchA, call(fetchRows, kc, m, at(a, p0, aRow, i32.const(0)), aRow, i32.const(seen))),
        packBlockB,
        adding.set(select(p0, i32.const(1), accumulate)),
        withBias.set(select(p0, i32.const(0), bias)),
        withPlus.set(select(lt(add(p0, kc), k), i32.const(0), plus)),
        withFactor.set(select(lt(add(p0, kc), k), i32.const(0), factor)),
        range(i0, 0, m, mBlock, [
          mc.set(least(sub(m, i0), mBlock)),
          blockA.set(select(transA, at(a, p0, aRow, i0), at(a, i0, aRow, p0))),
          when(transA, packBlockA),
          range(j, 0, nc, columns, [
            nr.set(least(sub(nc, j), columns)),
            chooseB,
            tileBias.set(select(withBias, add(withBias, shl(add(j0, j), 2)), 0)),
            when(lt(nr, columns), edgePanel, wholePanel),
          ]),
        ]),
        inc(p0, kBlock),
      ];
      return range(s, 0, batch, 1, [
        range(j0, 0, n, nBlock, [
          nc.set(least(sub(n, j0), nBlock)),
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

/** Steps of a block: at most `most`, a multiple of 4, and blocks of about equal length. It depends on k alone, as bits do on it. */
const blockOf = (k: number, most: number): number => 4 * Math.ceil(Math.max(k, 1) / Math.ceil(k / most || 1) / 4);

/** The largest multiple of `step` up to `limit`, at least one. */
const multipleIn = (limit: number, step: number): number => step * Math.max(1, Math.floor(limit / step));

export function simdGemm(heap: Heap, variant: Variant, tile: Tile): GemmKernels {
  const wasm = instantiate(heap.memory, variant, { gemm: gemmFunction(heap, tile) });
  return {
    gemm(args) {
      const { transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate = false, batch = 1 } = args;
      const { bias = 0, plus = 0, factor = 0, strideA = 0, strideB = 0, strideC = 0 } = args;
      // Packing pays when a panel is read often; in place, long rows of Aᵀ also use few sets of the cache.
      const packA = Number(transA && n > 64 && lda > 256);
      // In a gradient Aᵀ is an activation, written long ago: the tiles, which read a few numbers of each row, would wait for it.
      const fetchA = Number(transA && !packA && lda <= 512 && batch === 1);
      const packB = Number(m > 64);
      const kBlock = blockOf(k, transA ? K_BLOCK.byColumns : K_BLOCK.byRows);
      const mBlock = multipleIn(A_BLOCK / kBlock, tile.rows);
      const nBlock = multipleIn(B_BLOCK / kBlock, tile.columns);
      wasm.gemm(
        m, n, k, a, 4 * lda, b, 4 * ldb, c, 4 * ldc, Number(transA), Number(transB), Number(accumulate), bias,
        batch, 4 * strideA, 4 * strideB, 4 * strideC, packA, fetchA, packB,
        plus, factor, mBlock, nBlock, kBlock,
      ); // biome-ignore format: as the parameters above
    },
  };
}
