/** `siglip info`: cores, memory pages, kernels and their speed on this machine. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { chooseKernels, heap, type KernelMode, kernelReport, matmul, Rng, scope, tensor } from "../tensor/index.ts";
import { print } from "./print.ts";

const SIDE = 512;
const THP = "/sys/kernel/mm/transparent_hugepage/enabled";

/** Best GFLOP/s of a 512³ product, after the engine has compiled it. */
function gemmSpeed(): number {
  const rng = new Rng(0);
  const random = () =>
    tensor(
      Float32Array.from({ length: SIDE * SIDE }, () => rng.uniform()),
      [SIDE, SIDE],
    );
  let best = Number.POSITIVE_INFINITY;
  scope(() => {
    const [a, b] = [random(), random()];
    for (let i = 0; i < 30; i++) {
      const start = performance.now();
      scope(() => {
        matmul(a, b);
      });
      best = Math.min(best, performance.now() - start);
    }
  });
  return (2 * SIDE ** 3) / best / 1e6;
}

/** Whether the kernels' memory has huge pages, as far as the settings of the system tell. */
function hugePages(): boolean {
  if (!heap.hugePages) return false;
  try {
    return !readFileSync(THP, "utf8").includes("[never]");
  } catch {
    return true; // no such file in some containers
  }
}

/** The sizes of pages in words, and why there are no huge ones. */
function pagesInWords(huge: boolean): string {
  if (huge) return "huge pages (2 MiB)";
  if (heap.hugePages) return `small pages: ${THP} says never; a step of the emoji recipe takes 4 % longer`;
  return "small pages: Node 26 on Linux could ask for huge ones, if permitted; a step of the emoji recipe takes 4 % longer";
}

export function info({ json = false, kernels }: { json?: boolean; kernels: KernelMode }): void {
  chooseKernels(kernels);
  const gemm512 = Math.round(10 * gemmSpeed()) / 10;
  const { simd, fma, revectorized, why, warnings } = kernelReport();
  const node = process.versions.node;
  const cores = availableParallelism();
  const huge = hugePages();
  if (json) {
    const chosen = { simd, fma, revectorized, why };
    print(JSON.stringify({ node, cores, hugePages: huge, kernels: chosen, gflops: { gemm512 }, warnings }));
    return;
  }
  const yes = (on: boolean) => (on ? "yes" : "no");
  print(`node      ${node}, V8 ${process.versions.v8}`);
  print(`machine   ${cores} cores, ${cpus()[0]?.model.trim() ?? "unknown"}`);
  print(`memory    ${pagesInWords(huge)}`);
  print(`kernels   SIMD ${yes(simd)}, FMA ${yes(fma)}, 256-bit vectors ${yes(revectorized)} (${why})`);
  print(`speed     ${gemm512} GFLOP/s on one thread, product of two ${SIDE}×${SIDE} matrices`);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}
