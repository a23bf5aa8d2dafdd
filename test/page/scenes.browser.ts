/** The ring, autodiff and the museum of faults in Chromium, by keyboard; and what the museum says about its faults, in Node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LossName } from "../../page/faults/state.ts";
import { STEPS } from "../../page/faults/state.ts";
import { FaultTraining } from "../../page/faults/training.ts";
import { chooseKernels } from "../../src/tensor/index.ts";
import { readAtlas } from "./atlas.ts";
import { openSite, type Site } from "./chromium.ts";

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site?.close());

const named = (name: string): string => `[data-test=${name}]`;

describe("#ring", () => {
  it("runs the loss when it comes near, and steps through its log by keyboard", async () => {
    const { page, problems } = await site.open("#ring?form=chunked&devices=3&frame=0", { reducedMotion: "reduce" });
    const text = page.locator(named("ring-text"));
    await expect.poll(() => text.textContent(), { timeout: 180_000 }).toContain("x0 · y0, x1 · y1, x2 · y2. 3 of 9");
    await page.locator(named("ring-step")).press("Enter");
    await expect.poll(() => text.textContent()).toContain("Now held: y1, y2, y0");
    await page.locator(named("ring-back")).press("Enter");
    await page.locator(named("ring-frame")).press("End");
    await expect.poll(() => text.textContent()).toMatch(/The loss is (\d+\.\d+); the dense form, .* gives \1/);
    await expect.poll(() => page.url()).toContain("#ring?form=chunked&devices=3&frame=7");
    await page.locator(`${named("ring-table")} summary`).press("Enter");
    await expect.poll(() => page.locator(`${named("ring-table")} tbody tr`).count()).toBe(8);
    await page.locator(named("ring-devices")).press("Home");
    await expect.poll(() => page.locator(`${named("ring-table")} tbody tr`).count()).toBe(5);
    await expect.poll(() => text.textContent()).toContain("The loss is"); // the event stays, or becomes the last
    await page.locator(named("ring-frame")).press("Home");
    await expect.poll(() => text.textContent()).toContain("x0 · y0, x1 · y1. 2 of 4");
    await page.locator(named("ring-play")).press("Enter");
    await expect.poll(() => page.url()).toContain("frame=2");
    expect(problems).toEqual([]);
  });
});

describe("#autodiff", () => {
  it("follows the expression, says what is wrong with it, and steps back through its vjps", async () => {
    const { page, problems } = await site.open("#autodiff?frame=0");
    const text = page.locator(named("autodiff-text"));
    await expect.poll(() => text.textContent(), { timeout: 180_000 }).toContain("the value is 1.33");
    await page.locator(named("autodiff-expression")).fill("x * x +");
    await expect.poll(() => page.locator(named("autodiff-error")).textContent()).toContain("found the end");
    await expect.poll(() => text.isVisible()).toBe(false);
    await page.locator(named("autodiff-expression")).fill("x * x");
    await page.locator(named("autodiff-value-x")).fill("3");
    await expect.poll(() => text.textContent()).toContain("the value is 9");
    await page.locator(named("autodiff-frame")).press("End");
    await expect
      .poll(() => text.textContent())
      .toContain("added to 3: 6. All gradients are complete: ∂/∂x = 6 (measured: 6)");
    await expect.poll(() => page.url()).toContain("expression=x+*+x&at.x=3&frame=2");
    expect(problems).toEqual([]);
  });
});

describe("#faults", () => {
  it("trains the fault beside the right one, keeps the right one, and says at the end what is seen", async () => {
    const { page, problems } = await site.open("#faults?fault=labelSign");
    await page.locator(named("faults-start")).press("Enter");
    const seen = page.locator(named("faults-seen"));
    await expect.poll(() => seen.textContent(), { timeout: 400_000 }).toContain("Recall is that of chance");
    const recall = async (which: string) =>
      Number.parseFloat((await page.locator(named(`faults-${which}-recall`)).textContent()) ?? "");
    expect(await recall("right")).toBeGreaterThan(10);
    expect(await recall("fault")).toBeLessThan(1);
    await page.locator(named("faults-labelSign")).press("ArrowRight");
    await expect.poll(() => page.url()).toContain("fault=rawT");
    expect(await recall("right")).toBeGreaterThan(10);
    await expect.poll(() => page.locator(named("faults-fault-step")).textContent()).toBe(`0 / ${STEPS}`);
    expect(problems).toEqual([]);
  });
});

describe("what the museum says of seed 0", () => {
  const ends = new Map<LossName, { first: number; last: number; recall: number; t: number; b: number }>();
  const end = (loss: LossName) => ends.get(loss) ?? expect.fail(loss);
  beforeAll(async () => {
    chooseKernels("strict"); // the same bits everywhere
    const atlas = await readAtlas();
    for (const loss of ["right", "nSquared", "noBias", "biasZero", "localNegatives", "labelSign", "rawT", "detachedTexts", "softmax"] as const) {
      const training = new FaultTraining(atlas, loss, 0);
      const first = training.advance();
      while (training.step < STEPS - 1) training.advance();
      const { loss: last, t, b } = training.advance();
      ends.set(loss, { first: first.loss, last, recall: 100 * training.recall(), t, b });
    } // biome-ignore format: a list
    console.log(ends);
  }, 900_000);

  it("the right one learns", () => {
    expect(end("right").recall).toBeGreaterThan(14);
    expect(end("right").last).toBeLessThan(1);
  });
  it("÷ n² shows in the loss alone", () => {
    expect(end("nSquared").last).toBeLessThan(end("right").last / 40);
    expect(Math.abs(end("nSquared").recall - end("right").recall)).toBeLessThan(3);
  });
  it("without a bias, and with one that starts at 0, the first loss is eight times as high and recall lower", () => {
    for (const loss of ["noBias", "biasZero"] as const) {
      expect(end(loss).first / end("right").first).toBeCloseTo(8.4, 0);
      expect(end(loss).recall).toBeLessThan(end("right").recall - 2);
    }
    expect(end("biasZero").b).toBeGreaterThan(-2);
  });
  it("local negatives have a lower loss and a lower recall", () => {
    expect(end("localNegatives").last).toBeLessThan(0.6 * end("right").last);
    expect(end("localNegatives").recall).toBeLessThan(end("right").recall);
  });
  it("with the wrong sign the loss falls and recall stays that of chance", () => {
    expect(end("labelSign").last).toBeLessThan(end("labelSign").first / 50);
    expect(end("labelSign").recall).toBeLessThan(0.5);
  });
  it("a raw t stays small, with twice the loss and no lower recall", () => {
    expect(end("rawT").t).toBeLessThan(6);
    expect(end("rawT").last).toBeGreaterThan(2 * end("right").last);
    expect(end("rawT").recall).toBeGreaterThan(end("right").recall);
  });
  it("detached texts have the first loss of the right one and a far lower recall", () => {
    expect(end("detachedTexts").first).toBeCloseTo(end("right").first, 4);
    expect(end("detachedTexts").recall).toBeLessThan(0.7 * end("right").recall);
  });
  it("softmax has about the same recall", () => {
    expect(Math.abs(end("softmax").recall - end("right").recall)).toBeLessThan(3);
  });
});
