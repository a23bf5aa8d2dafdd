/**
 * Which kernels run: the only switch. f64 always takes the plain loops; f32 takes the fastest set that passes the
 * self-test, chosen once, at the first use.
 */
import { type DType, type Heap, heap } from "../heap.ts";
import type { Tile } from "../wasm/gemmTile.ts";
import { type KernelVariant, wasmKernels } from "../wasm/kernels.ts";
import { engineSupports, tileRates } from "../wasm/probe.ts";
import type { Kernels } from "./kernels.ts";
import { referenceKernels } from "./reference.ts";
import { selfTest } from "./selfTest.ts";

/** What runs here and why, for people. */
export interface KernelReport {
  readonly simd: boolean;
  /** Fused multiply-add (relaxed SIMD). */
  readonly fma: boolean;
  /** The engine fuses pairs of 128-bit vectors into 256-bit ones: shows in the tile that won. */
  readonly revectorized: boolean;
  /** Register tile of the matrix product, "6×16"; none for the plain loops. */
  readonly tile?: string;
  readonly warnings: readonly string[];
  readonly why: string;
}

/** A set of kernels that may be chosen. */
interface Candidate extends KernelVariant {
  readonly name: string;
}

const WIDE = 16; // columns: needs 30 registers of 128 bits, so it wins only where pairs are fused
const TILES = {
  fused: [{ rows: 6, columns: WIDE }, { rows: 6, columns: 8 }, { rows: 4, columns: 8 }],
  separate: [{ rows: 5, columns: WIDE }, { rows: 5, columns: 8 }, { rows: 4, columns: 8 }],
}; // biome-ignore format: a variant a line
const SAFE = { fma: false, tile: { rows: 4, columns: 8 } };

const reference = { f32: referenceKernels(heap, "f32"), f64: referenceKernels(heap, "f64") };

/** The first candidate that agrees with the plain loops; none if none does. */
export function firstSound<T extends { readonly name: string }>(
  heap: Heap,
  candidates: readonly T[],
  build: (candidate: T) => Kernels,
): { winner?: T; kernels: Kernels; warnings: string[] } {
  const oracle = referenceKernels(heap, "f32");
  const warnings: string[] = [];
  for (const winner of candidates) {
    const kernels = build(winner);
    const wrong = selfTest(heap, kernels, oracle);
    if (wrong.length === 0) return { winner, kernels, warnings };
    warnings.push(`kernels: ${winner.name} computes ${wrong.join(", ")} wrongly on this engine and is not used`);
  }
  return { kernels: oracle, warnings };
}

const show = ({ rows, columns }: Tile): string => `${rows}×${columns}`;
const candidate = ({ fma, tile }: KernelVariant): Candidate => ({
  fma,
  tile,
  name: `simd${fma ? " fma" : ""} ${show(tile)}`,
});

interface Choice {
  readonly kernels: Kernels;
  readonly report: KernelReport;
}

function plainLoops(warnings: readonly string[], why: string): Choice {
  return { kernels: reference.f32, report: { simd: false, fma: false, revectorized: false, warnings, why } };
}

function choose(): Choice {
  if (!engineSupports({ fma: false })) return plainLoops([], "plain loops: this engine has no WebAssembly SIMD");
  const fma = engineSupports({ fma: true });
  const tiles = fma ? TILES.fused : TILES.separate;
  const rates = tileRates(heap, { fma }, tiles);
  const fastest = tiles[rates.indexOf(Math.max(...rates))];
  const candidates = [candidate({ fma, tile: fastest }), candidate(SAFE)];
  const { winner, kernels, warnings } = firstSound(heap, candidates, (each) => wasmKernels(heap, each));
  if (!winner) return plainLoops(warnings, "plain loops: no SIMD kernels passed their self-test");
  const measured = tiles.map((tile, i) => `${show(tile)} ${rates[i].toFixed(0)}`).join(", ");
  const revectorized = winner.tile.columns === WIDE;
  const why = `${winner.name}; GFLOP/s of the tiles: ${measured}`;
  return { kernels, report: { simd: true, fma: winner.fma, revectorized, tile: show(winner.tile), warnings, why } };
}

let choice: Choice | undefined;
let forced: Kernels | undefined;

function chosen(): Choice {
  choice ??= choose();
  return choice;
}

/** The kernels for a dtype. */
export function kernelsFor(dtype: DType): Kernels {
  if (dtype === "f64") return reference.f64;
  return forced ?? chosen().kernels;
}

/** Runs f32 on the given kernels from now on; `undefined` is the plain loops. */
export function useKernels(kernels: Kernels | undefined): void {
  forced = kernels ?? reference.f32;
}

/** What was chosen for this engine and why; chooses if nothing was yet. */
export function kernelReport(): KernelReport {
  return chosen().report;
}
