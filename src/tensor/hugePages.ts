/**
 * Asks the system to back a WebAssembly memory with huge pages.
 *
 * A page has 4 KiB, and a core remembers the addresses of some thousand pages, about 12 MiB. The activations of a training step
 * take more, and so do matrices whose rows lie a page apart: each further access then waits until the address is looked up,
 * which takes longest in a virtual machine. A huge page has 2 MiB. Linux gives them to a program that asks (`madvise`), unless
 * /sys/kernel/mm/transparent_hugepage/enabled says never, and on some systems to every program: madvise(2).
 *
 * No number depends on it. V8 does not ask; Node 26 can call the C library (`node:ffi`, experimental). Elsewhere nothing happens.
 */

const TESTED = 26; // `node:ffi` is experimental: a newer version may give its functions another meaning
const MADV_HUGEPAGE = 14; // <sys/mman.h> of Linux

/** The part of Node that is used here; a browser has none of it. */
interface NodeProcess {
  readonly platform: string;
  readonly versions: { readonly node?: string };
  getBuiltinModule?(name: string): unknown;
  emitWarning: unknown;
}

interface Ffi {
  dlopen(
    library: null,
    functions: { madvise: { arguments: readonly string[]; return: string } },
  ): { functions: { madvise(address: bigint, bytes: bigint, advice: number): number } };
  getRawPointer(buffer: ArrayBufferLike): bigint;
}

/** The module, without the warning that it is experimental. */
function loadFfi(process: NodeProcess): Ffi | undefined {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule?.("node:ffi") as Ffi | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Whether the system took the advice for the `bytes` that this memory may grow to. */
export function adviseHugePages(memory: WebAssembly.Memory, bytes: number): boolean {
  const { process } = globalThis as { process?: NodeProcess };
  if (process?.platform !== "linux" || Number(process.versions.node?.split(".")[0]) !== TESTED) return false;
  try {
    const ffi = loadFfi(process);
    if (!ffi) return false;
    const signature = { arguments: ["pointer", "uint64", "int32"], return: "int32" };
    const { madvise } = ffi.dlopen(null, { madvise: signature }).functions;
    return madvise(ffi.getRawPointer(memory.buffer), BigInt(bytes), MADV_HUGEPAGE) === 0;
  } catch {
    return false; // not permitted (`node --permission`), or a C library without it
  }
}
