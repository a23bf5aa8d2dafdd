/** The Chromium of this machine, and the built page in it. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { buildPage } from "../../page/build.ts";
import { servePage } from "../../page/serve.ts";
import { chromium as installed } from "../support/chromium.ts";

/** The path of a Chromium; undefined if there is none. */
export const chromiumPath = (): string | undefined => process.env.CHROMIUM ?? installed;

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]; // biome-ignore format: one list

/** A page in a browser, and what went wrong in it. */
export interface Opened {
  readonly page: Page;
  /** Errors on the console, requests to other origins and failed ones. */
  readonly problems: string[];
}

/** The built page on a server, and a browser. */
export interface Site {
  readonly address: string;
  /** Its files. */
  readonly folder: string;
  /** Whether other programs take the machine's cores, so that times mean little. */
  readonly isBusy: boolean;
  open(hash?: string, options?: BrowserContextOptions): Promise<Opened>;
  close(): Promise<void>;
}

/** Builds and serves the page, in a folder below the root of its server if named, and starts Chromium. */
export async function openSite({ isolated = true, below = "" } = {}): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), "siglip-page-test-"));
  const folder = join(root, below);
  await buildPage(folder);
  const { address: top, server } = await servePage(root, 0, { isolated });
  const address = `${top}${below}${below && "/index.html"}`;
  const executablePath = chromiumPath() as string;
  const browser: Browser = await chromium.launch({ executablePath, args: FLAGS, chromiumSandbox: false });
  return {
    address,
    folder,
    isBusy: loadavg()[0] > availableParallelism(),
    async open(hash = "", contextOptions = {}) {
      const context = await browser.newContext(contextOptions);
      const page = await context.newPage();
      const problems: string[] = [];
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith(top) && !/^(data|blob):/.test(request.url()))
          problems.push(`request to ${request.url()}`);
      });
      page.on(
        "response",
        (response) => response.status() >= 400 && problems.push(`${response.status()} ${response.url()}`),
      );
      await page.goto(address + hash);
      return { page, problems };
    },
    async close() {
      await browser.close();
      server.close();
      rmSync(root, { recursive: true });
    },
  };
}
