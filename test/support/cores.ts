/** Flags for a Node that sees another number of cores than the machine has. */
export function pretendCores(count: number): string[] {
  const code = [
    'import os from "node:os"',
    'import { syncBuiltinESMExports } from "node:module"',
    `os.availableParallelism = () => ${count}`,
    "syncBuiltinESMExports()",
  ].join(";");
  return ["--import", `data:text/javascript,${encodeURIComponent(code)}`];
}
