/** A command ends its process when its work is done: no thread, timer or open file keeps it alive (all of src/cli). */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { siglipProcess } from "../support/cli.ts";
import { released } from "../support/released.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-ending-"));
const at = (name: string): string => join(folder, name);
const MODEL = released("hf/tiny");
const RUN = join(import.meta.dirname, "../fixtures/run/first");

beforeAll(() => {
  mkdirSync(at("pictures"));
  copyFileSync(join(import.meta.dirname, "../fixtures/sources/folder/000.png"), at("pictures/a.png"));
  writeFileSync(at("texts.txt"), "a cat\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

// siglip train, eval and loss are run as processes by other tests.
it.each([
  ["info", MODEL],
  ["config"],
  ["runs", RUN],
  ["report", RUN, "--out", at("report.html")],
  ["classify", MODEL, at("pictures"), "--labels", "cat,dog"],
  ["search", MODEL, "cat", at("pictures")],
  ["embed", MODEL, "--texts", at("texts.txt"), "--out", at("texts.npy")],
  ["convert", MODEL, at("converted"), "--to", "big-vision"],
  ["blend", MODEL, MODEL, at("blended")],
  ["index", at("pictures"), "--model", MODEL],
  ["search", at("pictures"), "cat"],
])("siglip %s", { timeout: 60_000 }, async (...args) => {
  const { code, stderr } = await siglipProcess(args);
  expect(code, stderr).toBe(0);
});
