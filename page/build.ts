/** `npm run page:build -- --out DIR`: writes the page as static files for any host. */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";

/** Builds the page into a folder, which it empties. */
export const buildPage = async (folder: string): Promise<void> => {
  const configFile = fileURLToPath(new URL("vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "error", build: { outDir: resolve(folder) } });
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { out } = parseArgs({ options: { out: { type: "string" } } }).values;
  if (out === undefined) {
    console.error("page:build: where to? npm run page:build -- --out DIR");
    process.exit(2);
  }
  await buildPage(out);
  console.log(resolve(out));
}
