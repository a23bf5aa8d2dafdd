/** The Chromium of this machine, and the built page in it. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromium as installed } from "../support/chromium.ts";
import { type ServedPage, serveBuilt } from "./site.ts";

/** The path of a Chromium; undefined if there is none. */
export const chromiumPath = (): string | undefined => process.env.CHROMIUM ?? installed;

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]; // biome-ignore format: one list

/** What hangs ends after this; a busy machine is no failure. */
const PATIENCE_MS = 120_000;

/** A page in a browser, and what went wrong in it. */
export interface Opened {
  readonly page: Page;
  /** Errors on the console, requests to other origins and failed ones. */
  readonly problems: string[];
}

/** The built page on a server, and a browser. */
export interface Site extends Omit<ServedPage, "close" | "top"> {
  open(hash?: string, options?: BrowserContextOptions): Promise<Opened>;
  close(): Promise<void>;
}

/** Builds and serves the page, in a folder below the root of its server if named, and starts Chromium. */
export async function openSite(options: { isolated?: boolean; below?: string } = {}): Promise<Site> {
  const served = await serveBuilt(options);
  const executablePath = chromiumPath() as string;
  const browser: Browser = await chromium.launch({
    executablePath,
    args: FLAGS,
    chromiumSandbox: false,
    timeout: PATIENCE_MS,
  });
  return {
    address: served.address,
    folder: served.folder,
    get isBusy() {
      return served.isBusy;
    },
    async open(hash = "", contextOptions = {}) {
      const context = await browser.newContext(contextOptions);
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const problems: string[] = [];
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith(served.top) && !/^(data|blob):/.test(request.url()))
          problems.push(`request to ${request.url()}`);
      });
      page.on(
        "response",
        (response) => response.status() >= 400 && problems.push(`${response.status()} ${response.url()}`),
      );
      await page.goto(served.address + hash);
      return { page, problems };
    },
    async close() {
      await browser.close();
      served.close();
    },
  };
}
