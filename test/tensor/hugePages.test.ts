import { existsSync, readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { Heap } from "../../src/tensor/heap.ts";
import { adviseHugePages } from "../../src/tensor/hugePages.ts";

const ENABLED = "/sys/kernel/mm/transparent_hugepage/enabled";
const isLinux26 = process.platform === "linux" && process.versions.node.startsWith("26.");
const areAllowed = isLinux26 && existsSync(ENABLED) && !readFileSync(ENABLED, "utf8").includes("[never]");

/** MiB of this process in huge pages. */
function hugeMiB(): number {
  const sizes = readFileSync("/proc/self/smaps", "utf8").matchAll(/^AnonHugePages:\s+(\d+) kB/gm);
  return [...sizes].reduce((sum, [, kib]) => sum + Number(kib) / 1024, 0);
}

afterEach(() => void vi.unstubAllGlobals());

test.runIf(areAllowed)("a heap lies in huge pages, also what it grows by, where the system allows it", () => {
  const before = hugeMiB();
  const heap = new Heap();
  expect(heap.hugePages).toBe(true);
  const bytes = 32 * 2 ** 20;
  const at = heap.allocate(bytes);
  heap.bytes.fill(1, at, at + bytes);
  expect(hugeMiB() - before).toBeGreaterThanOrEqual(24); // the system may run out of them
});

test.runIf(isLinux26)("asking for huge pages gives no warning and leaves process.emitWarning as it was", () => {
  const warnings: unknown[] = [];
  const emitWarning = (warning: unknown): void => void warnings.push(warning);
  vi.stubGlobal("process", Object.assign(Object.create(process), { emitWarning }));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  expect(adviseHugePages(memory, 4 * 65536)).toBe(true);
  expect(warnings).toEqual([]);
  expect(process.emitWarning).toBe(emitWarning);
});

test.each([
  ["a browser", undefined],
  ["another system", { platform: "darwin", versions: { node: "26.10.0" } }],
  ["a Node in which the module may mean something else", { platform: "linux", versions: { node: "27.0.0" } }],
  ["a Node without the module", { platform: "linux", versions: { node: "26.0.0" }, getBuiltinModule: () => undefined }],
  [
    "a Node that does not permit it",
    {
      platform: "linux",
      versions: { node: "26.0.0" },
      getBuiltinModule: () => ({
        dlopen() {
          throw new Error("Access to this API has been restricted");
        },
      }),
    },
  ],
])("%s keeps its pages", (_, process) => {
  vi.stubGlobal("process", process);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const result = adviseHugePages(memory, 4 * 65536);
  vi.unstubAllGlobals(); // before the runner needs it
  expect(result).toBe(false);
});
