/** The inner loop of the matrix product alone, as a program to compare with: the yardstick that holds on every machine. */
import { heap, kernelReport } from "../src/tensor/index.ts";
import { tileAlone } from "../src/tensor/select/tileSpeed.ts";

/** A program to compare with, and the floating-point operations of a call. */
export interface Anchor {
  readonly anchor: string;
  readonly run: () => void;
  readonly flop: number;
}

/** The register tile of the chosen kernels, in the L1 cache; the plain loops have none. */
export function tileAnchor(): Anchor[] {
  const { fma, tile } = kernelReport();
  if (!tile) return [];
  const { run, flops } = tileAlone(heap, { fma }, tile);
  return [{ anchor: "tile", run, flop: flops }];
}
