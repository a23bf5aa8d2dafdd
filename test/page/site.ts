/** The built page on a server of its own, for whatever browser opens it. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage } from "../../page/build.ts";
import { servePage } from "../../page/serve.ts";

/** The page on a server. */
export interface ServedPage {
  /** Where its server answers. */
  readonly top: string;
  readonly address: string;
  /** Its files. */
  readonly folder: string;
  /** Whether more programs than cores want to run now, so that times mean little. */
  readonly isBusy: boolean;
  close(): void;
}

/** Builds and serves the page, in a folder below the root of its server if named. */
export async function serveBuilt({ isolated = true, below = "" } = {}): Promise<ServedPage> {
  const root = mkdtempSync(join(tmpdir(), "siglip-page-test-"));
  const folder = join(root, below);
  await buildPage(folder);
  const { address: top, server } = await servePage(root, 0, { isolated });
  return {
    top,
    address: `${top}${below}${below && "/index.html"}`,
    folder,
    get isBusy() {
      return loadavg()[0] > availableParallelism() + 1; // the test itself is one
    },
    close() {
      server.close();
      rmSync(root, { recursive: true });
    },
  };
}
