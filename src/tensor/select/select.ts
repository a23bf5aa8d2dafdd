/**
 * Chooses the kernels that run. f64 always uses the plain loops; f32 uses one of
 *
 *   fast        the fastest SIMD set that passes the self-test: fused multiply-add where the engine has it. Results are bit-identical
 *               between runs on one machine with one engine.
 *   strict      SIMD without fused multiply-add, one register tile: the same bits on every engine, since each lane gets
 *               the same operations, each rounded, whether or not the engine fuses pairs of vectors
 *   reference   the plain loops, with the engine's own `Math.exp`: for comparison, on one engine
 *
 * The main thread chooses once; devices adopt its choice (`adoptKernels`), so that all run the same kernels.
 */
import { type DType, type Heap, heap } from "../heap.ts";
import type { Tile } from "../kernels/gemm/tile.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { plainKernels } from "../kernels/plain.ts";
import { type KernelVariant, simdKernels } from "../kernels/simd.ts";
import { selfTest } from "./selfTest.ts";
import { engineSupports, tileRates } from "./tileSpeed.ts";

/** Every kernel mode. */
export const KERNEL_MODES = ["fast", "strict", "reference"] as const;
/** How the f32 kernels are chosen. */
export type KernelMode = (typeof KERNEL_MODES)[number];

/** No kernels of this mode can run here. */
export class KernelError extends Error {
  override readonly name = "KernelError";
}

/** The chosen kernels and the reason, as plain data from which another thread builds the same kernels. */
export interface KernelReport {
  readonly mode: KernelMode;
  readonly simd: boolean;
  /** Fused multiply-add (relaxed SIMD). */
  readonly fma: boolean;
  /** Whether the engine fuses pairs of 128-bit vectors into 256-bit ones: the tile that needs it won the probe. */
  readonly revectorized: boolean;
  /** Register tile of the matrix product; none for the plain loops. */
  readonly tile?: Tile;
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
/** A step of the emoji recipe takes 0.8 of the time of 4×8 where pairs are fused, and 1.25 elsewhere. */
const STRICT = { fma: false, tile: { rows: 4, columns: WIDE } };

const reference = { f32: plainKernels(heap, "f32"), f64: plainKernels(heap, "f64") };

/** The first candidate that agrees with the plain loops, and its kernels; the plain loops if none does. */
export function firstSound<T extends { readonly name: string }>(
  heap: Heap,
  candidates: readonly T[],
  build: (candidate: T) => Kernels,
): { winner?: T; kernels: Kernels; warnings: string[] } {
  const oracle = plainKernels(heap, "f32");
  const warnings: string[] = [];
  for (const winner of candidates) {
    const kernels = build(winner);
    const wrong = selfTest(heap, kernels, oracle);
    if (wrong.length === 0) return { winner, kernels, warnings };
    warnings.push(`kernels: ${winner.name} gives wrong results for ${wrong.join(", ")} on this engine and is not used`);
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

function plainLoops(mode: KernelMode, warnings: readonly string[], why: string): Choice {
  return { kernels: reference.f32, report: { mode, simd: false, fma: false, revectorized: false, warnings, why } };
}

function chooseFast(): Choice {
  if (!engineSupports({ fma: false }))
    return plainLoops("fast", [], "plain loops: this engine has no WebAssembly SIMD");
  const fma = engineSupports({ fma: true });
  const tiles = fma ? TILES.fused : TILES.separate;
  const rates = tileRates(heap, { fma }, tiles);
  const fastest = tiles[rates.indexOf(Math.max(...rates))];
  const candidates = [candidate({ fma, tile: fastest }), candidate(SAFE)];
  const { winner, kernels, warnings } = firstSound(heap, candidates, (each) => simdKernels(heap, each));
  if (!winner) return plainLoops("fast", warnings, "plain loops: no SIMD kernels passed their self-test");
  const measured = tiles.map((tile, i) => `${show(tile)} ${rates[i].toFixed(0)}`).join(", ");
  const why = `${winner.name}; GFLOP/s of the tiles: ${measured}`;
  const { tile } = winner;
  const revectorized = tile.columns === WIDE;
  return { kernels, report: { mode: "fast", simd: true, fma: winner.fma, revectorized, tile, warnings, why } };
}

/** Has no fallback: other kernels would give other bits. */
function chooseStrict(): Choice {
  const refuse = (reason: string) =>
    new KernelError(`kernels: strict kernels cannot run here: ${reason}; use fast ones`);
  if (!engineSupports(STRICT)) throw refuse("this engine has no WebAssembly SIMD");
  const { winner, kernels, warnings } = firstSound(heap, [candidate(STRICT)], (each) => simdKernels(heap, each));
  if (!winner) throw refuse(warnings.join());
  const why = `${winner.name}, products and sums rounded separately: the same bits on every engine`;
  const { tile } = winner;
  return { kernels, report: { mode: "strict", simd: true, fma: false, revectorized: false, tile, warnings, why } };
}

const choose: Readonly<Record<KernelMode, () => Choice>> = {
  fast: chooseFast,
  strict: chooseStrict,
  reference: () => plainLoops("reference", [], "plain loops, as requested"),
};

let report: KernelReport | undefined;
let built: Kernels | undefined;
let forced: Kernels | undefined;

/**
 * Chooses the f32 kernels of this thread from now on. Earlier results do not change, so choose before the first use. Throws
 * `KernelError` on an unknown mode and where strict kernels cannot run.
 */
export function chooseKernels(mode: KernelMode): void {
  if (!KERNEL_MODES.includes(mode)) {
    throw new KernelError(`kernels: the mode must be one of ${KERNEL_MODES.join(", ")}, not ${JSON.stringify(mode)}`);
  }
  if (report?.mode !== mode) ({ report, kernels: built } = choose[mode]());
}

/** Adopts the choice of another thread of this process: builds the same kernels without another probe. */
export function adoptKernels(chosen: KernelReport): void {
  report = chosen;
  built = undefined;
}

/** The kernels for a dtype. */
export function kernelsFor(dtype: DType): Kernels {
  if (dtype === "f64") return reference.f64;
  if (forced) return forced;
  const { fma, tile } = kernelReport();
  built ??= tile ? simdKernels(heap, { fma, tile }) : reference.f32;
  return built;
}

/** Runs f32 on the given kernels from now on, overriding the choice; `undefined` means the plain loops. */
export function useKernels(kernels: Kernels | undefined): void {
  forced = kernels ?? reference.f32;
}

/** The choice for this engine and its reason; chooses fast kernels if there is none yet. */
export function kernelReport(): KernelReport {
  if (!report) ({ report, kernels: built } = choose.fast());
  return report;
}
