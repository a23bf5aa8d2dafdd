/** The page in Chromium. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSite, type Site } from "./chromium.ts";

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site?.close());

describe("the page", () => {
  it("shows a pair from its link, and writes what changes to the address", async () => {
    const { page, problems } = await site.open("#pair?angle=0&t=10&b=-10&label=1");
    expect(await page.locator("[data-test=pair-p]").textContent()).toBe("0.5");
    await page.locator("[data-test=pair-angle]").focus();
    await page.keyboard.press("ArrowRight");
    expect(page.url()).toContain("#pair?angle=1&t=10&b=-10&label=1");
    expect(problems).toEqual([]);
  });

  it("trains: the loss falls", async () => {
    const { page, problems } = await site.open("#train");
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.locator("[data-test=train-start]").click();
    const loss = page.locator("[data-test=train-loss]");
    await expect.poll(async () => Number(await loss.textContent()), { timeout: 120_000 }).toBeGreaterThan(100);
    await expect.poll(async () => Number(await loss.textContent()), { timeout: 120_000 }).toBeLessThan(20);
    expect(problems).toEqual([]);
  });
});
