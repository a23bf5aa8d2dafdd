/**
 * `npm run page`: builds the page and serves it on this machine alone; the last line printed is its address.
 *
 * Only files of the built folder are served, only to requests for a loopback host. The headers isolate the page, so that it may share
 * memory between workers, and forbid everything from other origins.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { buildPage } from "./build.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webp": "image/webp",
};

/** Compiling WebAssembly needs `wasm-unsafe-eval`; the empty icon is a data address. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The files of a folder by path: "/", "/index.html", "/assets/main.js". */
function filesOf(folder: string): Map<string, { type: string; body: Buffer }> {
  const files = new Map<string, { type: string; body: Buffer }>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    files.set(path.slice(folder.length).replaceAll("\\", "/"), { type, body: readFileSync(path) });
  }
  const index = files.get("/index.html");
  if (index) files.set("/", index);
  return files;
}

/** Answers with the files of a folder, read once: a path that is none of them is not found, however it is written. */
export function pageListener(folder: string, { isolated = true } = {}): RequestListener {
  const files = filesOf(folder);
  return (request, response) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { ...HEADERS, "Content-Type": "text/plain; charset=utf-8" }).end(text);
    };
    if (!["127.0.0.1", "localhost", "[::1]"].includes(host))
      return answer(403, "this server is for this machine alone\n");
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, "only GET and HEAD\n");
    const file = files.get((request.url ?? "").replace(/\?.*$/s, ""));
    if (!file) return answer(404, "not found\n");
    const headers = {
      ...HEADERS,
      ...(isolated ? ISOLATION : {}),
      "Content-Type": file.type,
      "Content-Length": file.body.length,
    };
    response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : file.body);
  };
}

/** Serves a built page on a port of the loopback, any free one for 0; returns its address and the server. */
export function servePage(
  folder: string,
  port: number,
  options: { isolated?: boolean } = {},
): Promise<{ address: string; server: Server }> {
  const server = createServer(pageListener(folder, options));
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => {
      done({ address: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, server });
    });
  });
}

/** The port of the command line; throws if it is none. */
export function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new RangeError(`page: --port ${text} is no port; use 0 for any free one, or 1 to 65535`);
}

/** Builds and serves the page until the process is ended. */
async function main(): Promise<void> {
  const { port } = parseArgs({ options: { port: { type: "string", default: "8321" } } }).values;
  const wanted = portOf(port);
  const folder = mkdtempSync(join(tmpdir(), "siglip-page-"));
  try {
    await buildPage(folder);
    const { address } = await servePage(folder, wanted);
    console.log(address);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error: NodeJS.ErrnoException) => {
    const isTaken = error.code === "EADDRINUSE";
    console.error(
      isTaken ? "page: the port is in use; choose another with --port, or 0 for any free one" : error.message,
    );
    process.exitCode = isTaken ? 1 : 2;
  });
}
