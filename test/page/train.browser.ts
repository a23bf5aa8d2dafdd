/** Training in Chromium: on two workers, on one, on hosts that do not isolate the page; the same bits as in Node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSite, type Site } from "./chromium.ts";
import { saveHuggingFace, saveRun } from "./model/savedRun.ts";
import { strictWeights } from "./strictWeights.ts";

const STEPS = 6;
const numberOf = (page: Page, name: string) => async (): Promise<number> =>
  Number.parseFloat(((await page.locator(`[data-test=${name}]`).textContent()) ?? "").replace("−", "-"));

/** SHA-256 of the weights after some single steps. */
async function weightsOf(page: Page): Promise<string> {
  const step = page.locator("[data-test=train-step]");
  for (let i = 0; i < STEPS; i++) await step.click();
  const weights = page.locator("[data-test=train-weights]");
  await expect.poll(() => weights.textContent(), { timeout: 300_000 }).toContain(`after ${STEPS} steps`);
  return /[0-9a-f]{64}/.exec((await weights.textContent()) ?? "")?.[0] ?? "";
}

let site: Site;
let plain: Site; // sends no headers for isolation, and has the page in a folder of its own
let expected: string;
beforeAll(async () => {
  site = await openSite();
  plain = await openSite({ isolated: false, below: "docs/page" });
  expected = await strictWeights(STEPS);
});
afterAll(async () => {
  await site?.close();
  await plain?.close();
});

describe("training with strict kernels", () => {
  it.each([1, 2])("ends with the weights of Node, bit for bit, on %i workers", async (devices) => {
    const { page, problems } = await site.open(`#train?kernels=strict&devices=${devices}`);
    expect(await weightsOf(page)).toBe(expected);
    expect(await page.locator("[data-test=train-status]").textContent()).toContain(
      devices === 1 ? "one worker" : "2 workers",
    );
    expect(problems).toEqual([]);
  });

  it("does so on one worker where nothing isolates the page, and says why", async () => {
    const { page, problems } = await plain.open("#train?kernels=strict", { serviceWorkers: "block" });
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    expect(await weightsOf(page)).toBe(expected);
    expect(await page.locator("[data-test=train-status]").textContent()).toContain("not cross-origin isolated");
    expect(problems).toEqual([]);
  });

  it("does so on two workers where a service worker isolates the page after one reload", async () => {
    const { page, problems } = await plain.open("#train?kernels=strict");
    await expect
      .poll(() => page.evaluate(() => crossOriginIsolated).catch(() => false), { timeout: 180_000 })
      .toBe(true);
    expect(page.url()).toContain("#train?kernels=strict");
    expect(await weightsOf(page)).toBe(expected);
    expect(problems).toEqual([]);
  });
});

describe("training", () => {
  it("lets the loss fall while frames go on, and pauses, searches, obeys its knobs, and resets", async () => {
    const { page, problems } = await site.open("#train?words=dog+face");
    await page.evaluate(() => {
      const counts = window as unknown as { frames: number };
      counts.frames = 0;
      const count = (): void => {
        counts.frames++;
        requestAnimationFrame(count);
      };
      count();
    });
    const begun = performance.now();
    await page.locator("[data-test=train-start]").press("Enter");
    const [loss, steps, b] = ["train-loss", "train-steps", "train-b"].map((name) => numberOf(page, name));
    await expect.poll(loss, { timeout: 300_000, interval: 20 }).toBeGreaterThan(1);
    console.log(`first step after ${(performance.now() - begun).toFixed(0)} ms`);
    const from = await page.evaluate(() => [(window as unknown as { frames: number }).frames, performance.now()]);
    await expect.poll(loss, { timeout: 300_000 }).toBeLessThan(20);
    const to = await page.evaluate(() => [(window as unknown as { frames: number }).frames, performance.now()]);
    console.log(`${((1000 * (to[0] - from[0])) / (to[1] - from[1])).toFixed(0)} frames a second while it trains`);
    await expect.poll(() => page.locator("[data-test=search-result]").count()).toBe(8);

    await page.locator("[data-test=train-start]").press("Enter");
    await expect.poll(() => page.locator("[data-test=train-weights]").textContent(), { timeout: 180_000 }).not.toBe("");
    const paused = await steps();
    await page.locator("[data-test=train-bias]").fill("2");
    await page.locator("[data-test=train-step]").press("Enter");
    await expect.poll(steps, { timeout: 180_000 }).toBe(paused + 1);
    expect(await b()).toBe(2);

    await page.locator("[data-test=search-input]").fill("pizza");
    await expect.poll(() => page.url()).toContain("words=pizza");
    await page.locator("[data-test=train-reset]").press("Enter");
    await expect.poll(steps).toBe(0);
    expect(problems).toEqual([]);
  });

  it("beats the nearest pixels on the unseen style within three minutes", async () => {
    const { page, problems } = await site.open("#train");
    const [recall, pixels] = ["train-recall", "train-pixels"].map((name) => numberOf(page, name));
    await page.locator("[data-test=train-start]").click();
    const begun = performance.now();
    const wasBusy = site.isBusy;
    await expect.poll(recall, { timeout: 900_000 }).toBeGreaterThan(await pixels());
    const seconds = (performance.now() - begun) / 1e3;
    const steps = await page.locator("[data-test=train-steps]").textContent();
    console.log(`beats the nearest pixels after ${seconds.toFixed(0)} s, ${steps} steps`);
    expect(seconds).toBeLessThan(wasBusy || site.isBusy ? 900 : 180);
    expect(problems).toEqual([]);
  }, 1_000_000);

  it("says so if a device fails", async () => {
    const { page } = await site.open("#pair");
    await page.route("**/worker-*.js", (route) => route.abort());
    await page.locator("[data-test=train-start]").click();
    await expect.poll(() => page.locator("[data-test=train-status]").textContent()).toContain("The training failed: ");
    expect(await page.locator("[data-test=train-start]").textContent()).toBe("Train");
  });
});

describe("a model from the disk", () => {
  it("is opened from its folder and finds pictures, also one of another library; wrong files are refused in words", async () => {
    const { page, problems } = await site.open("#train");
    const folder = mkdtempSync(join(tmpdir(), "siglip-page-run-"));
    try {
      saveRun(join(folder, "run"));
      const status = (): Promise<string | null> => page.locator("[data-test=model-status]").textContent();
      await page.locator("[data-test=model-files]").setInputFiles(join(folder, "run", "config.json"));
      await expect.poll(status, { timeout: 180_000 }).toContain("has saved none yet");
      await page.locator("[data-test=model-folder]").setInputFiles(join(folder, "run"));
      await expect.poll(status, { timeout: 180_000 }).toContain("Open: a run after 5 steps, images of 32 × 32 pixels");
      await page.locator("[data-test=model-input]").fill("brown bear");
      await expect.poll(() => page.locator("[data-test=model-result]").count(), { timeout: 180_000 }).toBe(8);
      saveHuggingFace(join(folder, "other"));
      await page.locator("[data-test=model-folder]").setInputFiles(join(folder, "other"));
      await expect
        .poll(status, { timeout: 180_000 })
        .toContain("Open: a model of Hugging Face, images of 8 × 8 pixels");
      await expect.poll(() => page.locator("[data-test=model-result]").count(), { timeout: 180_000 }).toBe(8);
      expect(problems).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
