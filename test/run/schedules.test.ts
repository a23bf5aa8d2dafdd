/** The schedules of a configuration: which parameter follows which, and what no run can use. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parametersOf, schedule } from "../../src/nn/index.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { buildModel, buildOptimizer, trainedPaths } from "../../src/run/model.ts";
import { checkSchedule, checkSettings } from "../../src/run/preflight.ts";
import { buildSchedules } from "../../src/run/schedules.ts";
import { copy, ones, scope } from "../../src/tensor/index.ts";

const TOTAL = 40;
const resolve = (...settings: string[]) =>
  resolveConfig("emoji-paper", [`train.steps=${TOTAL}`, "train.batch=10", ...settings]);
const paths = trainedPaths(resolve());
const listed = (...schedules: object[]): string => `optim.schedules=${JSON.stringify(schedules)}`;

/** Settings of a schedule, as in the configuration and in steps, with epochs of 5. */
const setting = fc.constantFrom(
  [{ kind: "constant" }, { kind: "constant" }],
  [{ kind: "cosine", warmup: "25%" }, { kind: "cosine", warmup: 10 }],
  [{ kind: "linear", end: 0.25, cooldown: "3" }, { kind: "linear", end: 0.25, cooldown: 3 }],
  [{ kind: "polynomial", end: 0.1, power: 2.5 }, { kind: "polynomial", end: 0.1, power: 2.5 }],
  [{ kind: "rsqrt", timescale: "2 epochs", shift: "30 examples" }, { kind: "rsqrt", timescale: 10, shift: 3 }],
  [{ kind: "rsqrt" }, { kind: "rsqrt", timescale: 10_000 }],
  [
    { kind: "stair", stairs: [{ at: "10%", factor: 0.5 }, { at: "3 epochs", factor: 2 }] },
    { kind: "stair", stairs: [{ step: 4, factor: 0.5 }, { step: 15, factor: 2 }] },
  ],
); // biome-ignore format: pairs

describe("buildSchedules", () => {
  it("gives every parameter the first schedule whose pattern matches its path, and the others the main one", () => {
    const patterns = fc.constantFrom("image/.*", "text/head/.*", ".*/kernel", "tPrime|b", "text/.*", "t");
    const entry = fc.tuple(patterns, setting);
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), setting, (others, [{ kind, ...main }, mainInSteps]) => {
        const keys = Object.entries({ warmup: "0", ...main }).map(
          ([key, value]) => `optim.${key}=${typeof value === "object" ? JSON.stringify(value) : value}`,
        );
        const list = listed(...others.map(([match, [settings]]) => ({ match, ...settings })));
        const { factorOf, factors } = buildSchedules(resolve(`optim.schedule=${kind}`, ...keys, list), 5);
        const of = (settings: object) => schedule({ total: TOTAL, ...settings } as Parameters<typeof schedule>[0]);
        for (const step of [0, 1, 4, 15, 39]) {
          const factor = factorOf(step);
          expect(factors(step)[0]).toBe(of(mainInSteps)(step));
          for (const path of paths) {
            const [, [, expected]] = others.find(([match]) => new RegExp(`^(?:${match})$`).test(path)) ?? ["", ["", mainInSteps]]; // biome-ignore format: a line
            expect(typeof factor === "number" ? factor : factor(path)).toBe(of(expected as object)(step));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("moves the parameters of a pattern by their own schedule", () => {
    scope(() => {
      const still = { match: "text/.*", kind: "stair", stairs: [{ at: "0", factor: 0 }] };
      const config = resolve("optim.warmup=0", listed(still));
      const model = buildModel(config, 300);
      const optimizer = buildOptimizer(config, model);
      const before = new Map([...parametersOf(model)].map(([path, { value }]) => [path, copy(value)]));
      for (const parameter of parametersOf(model).values()) parameter.grad = ones(parameter.shape);
      optimizer.step(buildSchedules(config, 5).factorOf(0));
      for (const [path, { value }] of parametersOf(model)) {
        const moved = value.data.some((x, i) => x !== before.get(path)?.data[i]);
        expect(moved, path).toBe(!path.startsWith("text/"));
      }
    });
  });
});

describe("before a run,", () => {
  it("a pattern of a schedule that matches no parameter is refused with the nearest name", () => {
    const config = resolve(listed({ match: "txt/head/.*", kind: "linear" }));
    expect(() => checkSettings(config, false)).toThrow(/optim\.schedules: the pattern "txt\/head\/\.\*" matches no parameter.*such as text\/head/); // biome-ignore format: a line
  });

  it("stairs that do not ascend are refused, which depends on the length of an epoch", () => {
    const stairs = 'optim.stairs=[{"at":"2 epochs","factor":0.5},{"at":"12","factor":0.1}]';
    const config = resolve("optim.schedule=stair", stairs);
    expect(checkSchedule(config, 60)).toEqual([]);
    expect(() => checkSchedule(config, 70)).toThrow(/optim\.stairs: schedule: stair 1 at step 12.*ascend/);
  });

  it("a warm-up of a pattern that is longer than the run is refused, which depends on the length of an epoch", () => {
    const config = resolve(listed({ match: "b", kind: "linear", warmup: "8 epochs" }));
    expect(checkSchedule(config, 50)).toEqual([]);
    expect(() => checkSchedule(config, 60)).toThrow(/optim\.schedules\["b"\]\.warmup 8 epochs .* are 48 and 0 steps with epochs of 6/); // biome-ignore format: a line
  });
});
