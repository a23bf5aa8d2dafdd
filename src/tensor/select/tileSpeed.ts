/**
 * Measures which register tile is fastest on this machine: whether an engine fuses pairs of vectors or spills registers shows
 * only in its speed, not in its version.
 */
import type { Heap } from "../heap.ts";
import { type Tile, tileKernel } from "../kernels/gemm/tile.ts";
import { call, drop, func, type Variant } from "../wasm/assembler.ts";
import { f32x4, i32, madd } from "../wasm/instructions.ts";
import { range } from "../wasm/loops.ts";
import { instantiate, supports } from "../wasm/module.ts";

const K = 256;
const TILES_PER_CALL = 32; // about 30 µs
const LEAST_MS = 12;
const MOST_MS = 300;
const BUSY_MS = 1500;
const LEAST_GAIN = 2; // of the optimizing compiler over the first one

/** Whether the engine has the instructions of a variant. */
export const engineSupports = (variant: Variant): boolean =>
  supports(variant, { probe: func([], () => drop(madd(f32x4.const(1), 1, 1))) });

/**
 * Whether the tiles have been timed long enough: when each has run in optimized code, which shows as a jump in its rate. If none
 * has, 300 ms suffice. If some have, the compiler is still busy with the others, which may take a second on a loaded machine; a
 * tile judged before that would count as slow for the whole run.
 */
export function settled(tiles: readonly { readonly first: number; readonly best: number }[], ms: number): boolean {
  if (ms < LEAST_MS) return false;
  const optimized = tiles.filter(({ first, best }) => best >= LEAST_GAIN * first).length;
  if (optimized === tiles.length) return true;
  return ms >= (optimized === 0 ? MOST_MS : BUSY_MS);
}

const BYTES = 4 * K * 32; // of a tile's A, B and C

/** A tile alone, on zeros in the L1 cache: a call and its floating-point operations. `block` has BYTES bytes. */
function tileLoop(heap: Heap, variant: Variant, tile: Tile, block: number): { run: () => void; flops: number } {
  heap.f32.fill(0, block / 4, (block + BYTES) / 4);
  const { rows, columns } = tile;
  const kernel = tileKernel(tile, "byRows");
  const [a, b] = [block, block + 4 * K * rows];
  const c = b + 4 * K * columns;
  const run = func([], () => {
    const i = i32.local();
    return range(i, 0, TILES_PER_CALL, 1, call(kernel, K, rows, a, 4 * K, b, 4 * columns, c, 4 * columns, 0, 0, 0, 0));
  });
  return { run: instantiate(heap.memory, variant, { run }).run, flops: 2 * rows * columns * K * TILES_PER_CALL };
}

/** The inner loop of the matrix product alone: the limit of every product. It keeps its memory. */
export const tileAlone = (heap: Heap, variant: Variant, tile: Tile): { run: () => void; flops: number } =>
  tileLoop(heap, variant, tile, heap.allocate(BYTES));

/** GFLOP/s of each tile, best of short rounds in turn. */
export function tileRates(heap: Heap, variant: Variant, tiles: readonly Tile[]): number[] {
  const block = heap.allocate(BYTES);
  const contestants = tiles.map((tile) => ({ ...tileLoop(heap, variant, tile, block), first: 0, best: 0 }));
  const start = performance.now();
  do {
    for (const contestant of contestants) {
      const from = performance.now();
      contestant.run();
      const rate = contestant.flops / (performance.now() - from) / 1e6;
      if (!contestant.first) contestant.first = rate;
      contestant.best = Math.max(contestant.best, rate);
    }
  } while (!settled(contestants, performance.now() - start));
  heap.release(block, BYTES);
  return contestants.map(({ best }) => best);
}
