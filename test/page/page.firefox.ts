/** The page in Firefox: the same bits of strict kernels, every scene, a model from the disk. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Firefox, type FirefoxPage, startFirefox } from "./firefox.ts";
import { saveHuggingFace, saveRun } from "./model/savedRun.ts";
import { type ServedPage, serveBuilt } from "./site.ts";
import { strictWeights } from "./strictWeights.ts";

const STEPS = 6;
const SCENES = ["pair", "square", "softmax", "ring", "autodiff", "train", "faults"];

let served: ServedPage;
let firefox: Firefox;
beforeAll(async () => {
  served = await serveBuilt();
  firefox = await startFirefox();
});
afterAll(async () => {
  await firefox?.close();
  served?.close();
});

const named = (name: string): string => `[data-test=${name}]`;
const open = (hash: string, width?: number): Promise<FirefoxPage> =>
  firefox.open(served.address + hash, width === undefined ? {} : { width });

/** The text of an element, to poll. */
const textOf = (page: FirefoxPage, name: string) => (): Promise<string> =>
  page.evaluate((selector) => document.querySelector(selector)?.textContent ?? "", named(name));

/** How many elements have this name, to poll. */
const countOf = (page: FirefoxPage, name: string) => (): Promise<number> =>
  page.evaluate((selector) => document.querySelectorAll(selector).length, named(name));

/** Types words into a field, as one does by pasting. */
const fill = (page: FirefoxPage, name: string, words: string): Promise<void> =>
  page.evaluate(
    ([selector, value]) => {
      const input = document.querySelector(selector) as HTMLInputElement;
      input.value = value;
      input.dispatchEvent(new Event("input"));
    },
    [named(name), words],
  );

const SLOW = { timeout: 300_000 };

describe("the page in Firefox", () => {
  it.each([1, 2])("trains with strict kernels to the weights of Node, bit for bit, on %i workers", async (devices) => {
    const page = await open(`#train?kernels=strict&devices=${devices}`);
    expect(await page.evaluate(() => crossOriginIsolated, 0)).toBe(true);
    for (let i = 0; i < STEPS; i++) await page.press(named("train-step"), "Enter");
    await expect.poll(textOf(page, "train-weights"), SLOW).toContain(`after ${STEPS} steps`);
    expect(await textOf(page, "train-weights")()).toContain(await strictWeights(STEPS));
    expect(await textOf(page, "train-status")()).toContain(devices === 1 ? "one worker" : "2 workers");
    await fill(page, "search-input", "dog face");
    await expect.poll(countOf(page, "search-result"), SLOW).toBe(8);
    expect(page.problems).toEqual([]);
  });

  it("trains on two workers where a service worker isolates the page", async () => {
    const plain = await serveBuilt({ isolated: false, below: "docs/page" });
    try {
      const page = await firefox.open(`${plain.address}#train?kernels=strict`);
      const isIsolated = (): Promise<boolean> => page.evaluate(() => crossOriginIsolated, 0).catch(() => false); // while it reloads
      await expect.poll(isIsolated, SLOW).toBe(true);
      await expect.poll(countOf(page, "train-step"), SLOW).toBe(1); // the reloaded page has drawn its scenes
      await page.press(named("train-step"), "Enter");
      await expect.poll(textOf(page, "train-weights"), SLOW).toContain("after 1 steps");
      expect(await textOf(page, "train-weights")()).toContain(await strictWeights(1));
      expect(page.problems).toEqual([]);
    } finally {
      plain.close();
    }
  });

  it.each([1400, 390])("shows every scene at %i pixels without an error, and pleases axe", async (width) => {
    const page = await open("", width);
    const show = (scene: string) => page.evaluate((id) => document.getElementById(id)?.scrollIntoView(), scene);
    await show("ring");
    await expect.poll(textOf(page, "ring-text"), SLOW).toContain("Each device computes one block");
    await show("autodiff");
    await expect.poll(textOf(page, "autodiff-text"), SLOW).toContain("the value is 1.33");
    for (const id of SCENES) await show(id);
    expect(await page.evaluate(() => document.documentElement.scrollWidth, 0)).toBeLessThanOrEqual(width);
    await page.run(axe.source);
    const violations = await page.evaluate(async () => {
      const { axe: checker } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }; // biome-ignore format: a line
      return (await checker.run()).violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`,
      );
    }, 0);
    expect(violations).toEqual([]);
    expect(page.problems).toEqual([]);
  });

  it("steps through the ring and the vjps by keyboard", async () => {
    const page = await open("#ring?form=chunked&devices=3&frame=0");
    await expect.poll(textOf(page, "ring-text"), SLOW).toContain("3 of 9");
    await page.press(named("ring-step"), "Enter");
    expect(await textOf(page, "ring-text")()).toContain("Now held: y1, y2, y0");
    await page.press(named("ring-frame"), "End");
    await expect.poll(textOf(page, "ring-text")).toMatch(/The loss is (\d+\.\d+); the dense form, .* gives \1/);
    expect(page.problems).toEqual([]);
  });

  it("trains the museum's fault beside the right one", async () => {
    const page = await open("#faults?fault=labelSign");
    await page.press(named("faults-start"), "Enter");
    await expect.poll(textOf(page, "faults-seen"), { timeout: 400_000 }).toContain("Recall is that of chance");
    expect(page.problems).toEqual([]);
  });

  it("opens a run and a model of another library from the disk, and finds pictures with them", async () => {
    const page = await open("#train");
    const folder = mkdtempSync(join(tmpdir(), "siglip-page-run-"));
    const choose = (name: string): Promise<void> => {
      const files = readdirSync(join(folder, name), { recursive: true, withFileTypes: true });
      const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return page.setFiles(named("model-files"), paths);
    };
    try {
      saveRun(join(folder, "run"));
      saveHuggingFace(join(folder, "other"));
      await choose("run");
      await expect.poll(textOf(page, "model-status"), SLOW).toContain("Open: a run after 5 steps");
      await fill(page, "model-input", "brown bear");
      await expect.poll(countOf(page, "model-result"), SLOW).toBe(8);
      await choose("other");
      await expect.poll(textOf(page, "model-status"), SLOW).toContain("Open: a model of Hugging Face");
      await expect.poll(countOf(page, "model-result"), SLOW).toBe(8);
      expect(page.problems).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
