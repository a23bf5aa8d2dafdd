/** Starts main.ts, or explains why this Node cannot. In JavaScript, so that every Node can run it. */
import { existsSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";

if (process.features.typescript) {
  const { cacheFolder } = await import("./cacheFolder.ts");
  const cache = cacheFolder();
  if (cache !== undefined && existsSync(cache)) {
    // Node keeps compiled code there, so that the next command starts in half the time. Devices are threads: they learn of the folder
    // from the environment.
    module.enableCompileCache(join(cache, "compiled"));
    process.env.NODE_COMPILE_CACHE ??= join(cache, "compiled");
  }
  await import("./main.ts");
} else {
  process.stderr.write(
    `siglip: Node ${process.versions.node} does not run TypeScript; run npm ci, which brings a Node that does, or use Node 22.18 or later\n`,
  );
  process.exitCode = 2;
}
