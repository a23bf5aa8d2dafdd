/** The server of `npm run page`: files of one folder, to this machine alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { portOf, servePage } from "../../page/serve.ts";

const outer = mkdtempSync(join(tmpdir(), "siglip-serve-"));
const folder = join(outer, "page");
let server: Server;
let port: number;
beforeAll(async () => {
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(outer, "secret.txt"), "secret");
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  writeFileSync(join(folder, "assets", "main.js"), "1;");
  const served = await servePage(folder, 0);
  server = served.server;
  port = Number(new URL(served.address).port);
});
afterAll(() => {
  server.close();
  rmSync(outer, { recursive: true });
});

/** Sends a path as it is written, which fetch would tidy. */
function get(path: string, { host = `127.0.0.1:${port}`, method = "GET" } = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((done, failed) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers: { host } }, (response) => {
      let body = "";
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on("error", failed);
    sent.end();
  });
}

describe("the server of the page", () => {
  it("serves its files with their types, isolated and closed to other origins", async () => {
    expect(await get("/")).toMatchObject({ status: 200, body: "<!doctype html>" });
    const { status, headers } = await get("/assets/main.js?x=1");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
    expect(headers["content-security-policy"]).not.toMatch(/https?:|\*|unsafe-inline|'unsafe-eval'/);
  });

  it.each([
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/assets/../../secret.txt",
    "/assets\\..\\..\\secret.txt",
    "//etc/passwd",
    "/index.html%00.js",
    "/%",
    "/assets",
    "/assets/",
    "http://127.0.0.1/index.html",
  ])("does not find %s", async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: "not found\n" });
  });

  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])(
    "refuses the host %j",
    async (host) => {
      expect((await get("/", { host })).status).toBeGreaterThanOrEqual(400);
    },
  );

  it("answers localhost and HEAD, and refuses to be written to", async () => {
    expect((await get("/", { host: `localhost:${port}` })).status).toBe(200);
    expect(await get("/", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    expect((await get("/", { method: "POST" })).status).toBe(405);
  });

  it("listens on the loopback alone", () => {
    expect(server.address()).toMatchObject({ address: "127.0.0.1" });
  });
});

it("a port is a number from 0 to 65535", () => {
  expect(portOf("0")).toBe(0);
  expect(portOf("65535")).toBe(65_535);
  for (const text of ["", "-1", "65536", "8e3", "http"]) expect(() => portOf(text)).toThrow(/use 0 for any free one/);
});
