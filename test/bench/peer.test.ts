import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nodePeer, pythonPeer, secondsOf } from "../../bench/peer.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "peers-"));
  const installed = join(folder, "node_modules", "a-library");
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(installed, "package.json"), '{ "type": "module", "exports": "./index.js" }');
  writeFileSync(join(installed, "index.js"), "export const loss = 10.5;");
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const script = (text: string): string => {
  const file = join(folder, "elsewhere.mjs");
  writeFileSync(file, text);
  return file;
};

test("a peer that is not installed is left out", async () => {
  const peer = { script: "vit-jax.mjs" };
  expect(await pythonPeer(undefined, peer)).toBeUndefined();
  expect(await nodePeer(undefined, "a-library", peer)).toBeUndefined();
  expect(await nodePeer(folder, "another-library", peer)).toBeUndefined();
});

test("a peer runs with the packages of the folder, its arguments last, and says its figures in its last line", async () => {
  const text = `import { loss } from "a-library"; console.log("hello"); console.log(JSON.stringify({ loss, seconds: Number(process.argv.at(-1)) }));`;
  const result = await nodePeer(folder, "a-library", { script: script(text), args: [4, 0.25] });
  expect(result).toEqual({ loss: 10.5, seconds: 0.25 });
});

test("a peer that fails, or prints no figures, is left out with a warning that says why", async () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(await pythonPeer(join(folder, "no-such-python"), { script: "vit-torch.py", args: [8] })).toBeUndefined();
  expect(await nodePeer(folder, "a-library", { script: script("throw new Error('no room')") })).toBeUndefined();
  expect(await nodePeer(folder, "a-library", { script: script("console.log('hello')") })).toBeUndefined();
  expect(await nodePeer(folder, "a-library", { script: script("import 'another-library'") })).toBeUndefined();
  expect(await nodePeer(folder, "a-library", { script: script("console.log('{\"seconds\":null}')") })).toBeUndefined();
  const warnings = write.mock.calls.map(([text]) => String(text));
  expect(warnings[0]).toMatch(/^warning: vit-torch\.py 8 failed and is left out: .*ENOENT.*\n$/);
  expect(warnings[1]).toMatch(/failed and is left out: .*no room.*\n$/);
  expect(warnings[2]).toMatch(/failed and is left out: .*JSON.*\n$/);
  expect(warnings[3]).toMatch(/failed and is left out: .*another-library.*\n$/);
  expect(warnings[4]).toMatch(/failed and is left out: seconds is null\n$/);
});

test("a peer that computed something else is refused", () => {
  expect(secondsOf("peer", { loss: 10.04 }, undefined)).toBeUndefined();
  expect(secondsOf("peer", { loss: 10.04 }, { loss: 10.0401, seconds: 0.5 })).toBe(0.5);
  expect(secondsOf("peer", { loss: 10 }, { loss: 10.1, seconds: 0.5 }, 0.02)).toBe(0.5);
  expect(() => secondsOf("peer", { loss: 10.04 }, { loss: 10.4, seconds: 0.5 })).toThrow("it is not the same work");
  expect(() => secondsOf("peer", { loss: 10.04 }, { seconds: 0.5 })).toThrow("NaN there");
});
