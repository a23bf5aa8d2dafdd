/** Warnings about a training that does not work, on synthetic curves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TrainingWatch, type WatchedRun, type WatchedStep } from "../../src/run/trainingWatch.ts";
import { trainingLosses } from "../../src/siglip/index.ts";

const run: WatchedRun = { steps: 2000, batch: 128, loss: trainingLosses.sigmoid };
const BLIND = trainingLosses.sigmoid.blindLoss(128); // 5.85

/** All warnings about a curve of which every `every`-th step is seen. */
function said(curve: (step: number) => Partial<WatchedStep>, of: WatchedRun = run, every = 1): string[] {
  const watch = new TrainingWatch(of);
  const out: string[] = [];
  for (let step = 1; step <= of.steps; step++) {
    const row = { step, loss: healthy(step / of.steps, step), t: 10, b: -4.84, ...curve(step) };
    if (step === 1 || step % every === 0) out.push(...watch.see(row));
  }
  return out;
}

/** Pseudo-random noise in −1..1. */
const noise = (step: number): number => Math.sin(step * 12.9898) * Math.cos(step * 78.233);

/** A loss like that of the presets: 6.2 at the start, 5.2 after a hundredth of the run, 0.8 at the end. */
const healthy = (done: number, step: number): number => (0.8 + 5.4 / (1 + 30 * done)) * (1 + 0.1 * noise(step));

describe("TrainingWatch says nothing", () => {
  it("about a loss that falls at any pace and with any noise up to a third, however few rows it sees", () => {
    const curves = fc.record({
      pace: fc.double({ min: 5, max: 1000, noNaN: true }),
      end: fc.double({ min: 0, max: 3, noNaN: true }),
      start: fc.double({ min: 4, max: 30, noNaN: true }),
      noisy: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
      every: fc.constantFrom(1, 7, 20, 100),
      temperature: fc.double({ min: 1, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(curves, ({ pace, end, start, noisy, every, temperature }) => {
        const curve = (step: number) => ({
          loss: (end + (start - end) / (1 + pace * (step / run.steps))) * (1 + noisy * noise(step)),
          t: 10 + (temperature - 10) * (step / run.steps),
        });
        fc.pre(end + (start - end) / (1 + pace / 8) < 0.8 * BLIND);
        expect(said(curve, run, every)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("about a short run, which has had no time to learn", () => {
    expect(said((step) => ({ loss: 6 + noise(step) }), { ...run, steps: 150 })).toEqual([]);
  });

  it("about a bias that starts far out by configuration, while it returns", () => {
    expect(said((step) => ({ b: 100 - step / 20, loss: 12_700 / step ** 2 }))).toEqual([]);
  });
});

describe("TrainingWatch names, once each,", () => {
  const cases: readonly [what: string, curve: (step: number) => Partial<WatchedStep>, says: RegExp[]][] = [
    ["a constant loss", (step) => (step < 900 ? {} : { loss: 0.7 }), [/^step 1000: constant loss: 0\.7 for 100 steps/]],
    ["a loss of 0 from the start", () => ({ loss: 0 }), [/^step 101: constant loss: 0 for 100/]],
    ["a temperature that vanishes", (step) => ({ t: 10 / step }), [/^step 21: vanishing temperature: t is 0\.4762, from 10 at the start/]],
    ["a temperature of 0", (step) => ({ t: step < 50 ? 10 : 0 }), [/^step 50: vanishing temperature: t is 0, from 10/]],
    ["a temperature that is 0 from the start", () => ({ t: 0 }), [/^step 1: vanishing temperature: t is 0, from 0/]],
    ["a temperature without bound", (step) => ({ t: 10 * step }), [/^step 101: growing temperature: t is 1010, from 10/]],
    ["a bias without bound", (step) => ({ b: -10 * step }), [/^step 101: growing bias: b is -1010, from -10/]],
    ["a loss far above its start", (step) => (step === 300 ? { loss: 106 } : {}), [/^step 300: exploding loss: 106, from 5\.\d+ at the start/]],
    ["a loss that stays where it began", (step) => ({ loss: 6.2 * (1 + 0.1 * noise(step)) }), [/^step 500: no better than guessing: the mean loss is 6\.\d+.* 5\.848/]],
    ["a loss that comes to one answer for all pairs", (step) => ({ loss: BLIND * (1 + (0.3 * Math.abs(noise(step))) / step) }), [/^step 500: no better than guessing/]],
    ["a bias far from the log-odds of a match", () => ({ loss: 47, b: -0.64 }), [/constant loss/, /no better than guessing.* b is -0\.64, far from -4\.844, .*model\.biasInit=log-odds/]],
    ["a high loss with a bias at the log-odds", (step) => ({ loss: 15 + noise(step) }), [/no better than guessing.* the learning rate is probably/]],
  ]; // biome-ignore format: a case a line

  it.each(cases)("%s", (_, curve, says) => {
    expect(said(curve)).toEqual(says.map((pattern) => expect.stringMatching(pattern)));
  });

  it("and compares with the blind loss of softmax", () => {
    const softmax = { ...run, loss: trainingLosses.softmax };
    expect(said((step) => ({ loss: 4.9 + 0.1 * noise(step) }), softmax)).toEqual([
      expect.stringMatching(/no better than guessing.* 4\.852/),
    ]);
    expect(said((step) => ({ b: -10 * step }), softmax)).toEqual([]); // that loss does not use it
  });
});
