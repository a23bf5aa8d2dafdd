/** `npm run data:cldr`: installs the emoji names of Unicode CLDR, 153 MB, into the cache folder. */
import { spawnSync } from "node:child_process";
import { installArguments } from "../data/index.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { EXIT } from "./exitCodes.ts";

const cache = cacheFolder();
if (cache === undefined) {
  process.stderr.write("error: there is no cache folder; set SIGLIP_CACHE to one\n");
  process.exitCode = EXIT.io;
} else {
  const { status } = spawnSync("npm", installArguments(cache), {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  process.exitCode = status ?? EXIT.io;
}
