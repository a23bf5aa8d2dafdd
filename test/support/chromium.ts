/** A page as headless Chromium sees it, if there is one on this machine. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The browser's program; undefined if there is none. */
export const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--window-size=1000,800"],
];

/** The document of a page after its scripts have run, as HTML. */
export function documentOf(page: string): string {
  const folder = mkdtempSync(join(tmpdir(), "siglip-page-"));
  try {
    const file = join(folder, "page.html");
    writeFileSync(file, page);
    const args = [...FLAGS, `--user-data-dir=${join(folder, "profile")}`, "--dump-dom", pathToFileURL(file).href];
    return execFileSync(chromium!, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 2 ** 26 });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
