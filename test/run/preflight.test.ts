/** Checks of a run before it begins. */
import { describe, expect, it } from "vitest";
import { checkConfig, resolveConfig } from "../../src/run/config.ts";
import { checkSchedule, checkSettings } from "../../src/run/preflight.ts";
import { presetNames } from "../../src/run/presets.ts";

const matching = (match: string): string => `optim.multipliers=${JSON.stringify([{ match, lr: 1, decay: 0 }])}`;

describe("checkSettings", () => {
  it.each(presetNames.filter((name) => name !== "emoji-siglit"))("says nothing about preset %s", (preset) => {
    expect(checkSettings(resolveConfig(preset, []), false)).toEqual([]);
    if (preset === "emoji-classify") return; // learns classes by the sigmoid loss alone
    expect(checkSettings(resolveConfig(preset, ["train.loss=softmax"]), false)).toEqual([]);
  });

  it.each([
    ["a pattern without a match", [matching("imag/.*")], /matches no parameter/],
    ["softmax over a batch of one", ["train.loss=softmax", "train.batch=1", "train.shards=1", "model.biasInit=0"], /always 0/],
  ])("rejects %s in a new run, and warns in a resumed one", (_, settings, says) => {
    const config = resolveConfig("emoji-paper", settings);
    expect(() => checkSettings(config, false)).toThrow(says);
    expect(checkSettings(checkConfig(JSON.parse(JSON.stringify(config))), true)).toEqual([expect.stringMatching(says)]);
  }); // biome-ignore format: a case a line

  it("rejects a pattern that backtracks without end, also in a resumed run", () => {
    const config = resolveConfig("emoji-paper", [matching("(.*)*x")]);
    expect(() => checkSettings(config, true)).toThrow(/takes more than 1 s/);
  });

  it.each([
    ['optim.frozen=["img/.*"]', /optim\.frozen: the pattern "img\/\.\*" matches no parameter; .* such as image\//],
    ['optim.frozen=["(.*)*x"]', /optim\.frozen: the pattern .* takes more than 1 s/],
    ['optim.frozen=[".*"]', /optim\.frozen leaves no parameter to train/],
    ['optim.frozen=["tPrime|b"]', /optim\.multipliers: the pattern "tPrime\|b" matches no parameter that is trained/],
  ])("rejects %s", (setting, says) => {
    expect(() => checkSettings(resolveConfig("emoji-paper", [setting]), false)).toThrow(says);
  });

  it("accepts frozen parameters of any name, and a multiplier for the rest", () => {
    const settings = ['optim.frozen=["image/.*","text/embedding"]', matching("text/.*")];
    expect(checkSettings(resolveConfig("emoji-paper", settings), false)).toEqual([]);
  });

  it("warns of a batch without negatives", () => {
    const config = resolveConfig("emoji-paper", ["train.batch=1", "train.shards=1", "model.biasInit=0"]);
    expect(checkSettings(config, false)).toEqual([expect.stringMatching(/no negatives/)]);
  });
});

describe("a bias at the start", () => {
  const warnings = (...settings: readonly string[]) => checkSettings(resolveConfig("emoji-paper", settings), false);

  it("is doubtful if it is far from the log-odds of a match in the batch", () => {
    expect(warnings("model.biasInit=-10", "train.batch=64")).toEqual([
      expect.stringMatching(/biasInit -10 is far from -4\.1, the log-odds of a match in a batch of 64:/),
    ]);
    expect(warnings("model.biasInit=0", "train.batch=64")).toEqual([expect.stringMatching(/log-odds/)]);
  });

  it("is measured by the negatives that count", () => {
    const large = ["model.biasInit=-3.5", "train.batch=1024"];
    expect(warnings(...large)).toEqual([expect.stringMatching(/far from -6\.9, .* in a batch of 1024:/)]);
    expect(warnings(...large, "loss.negatives=hard", "loss.ratio=0.01")).toEqual([]);
    expect(warnings("model.biasInit=-10", "train.batch=1024", "loss.negatives=easy", "loss.ratio=0.01")).toEqual([
      expect.stringMatching(
        /far from -2\.3, the log-odds of a match beside 0\.01 of the negatives of a batch of 1024:/,
      ),
    ]);
  });

  it("is not if it is near, or the loss has none", () => {
    expect(warnings("model.biasInit=-5", "train.batch=64")).toEqual([]);
    expect(warnings("model.biasInit=-10", "train.batch=64", "train.loss=softmax")).toEqual([]);
  });
});

describe("checkSchedule", () => {
  it("rejects a warm-up of more epochs than the run has, which depends on the data", () => {
    const config = resolveConfig("emoji-paper", ["optim.warmup=3 epochs", "train.steps=20", "train.batch=100"]);
    expect(checkSchedule(config, 600)).toEqual([]);
    expect(() => checkSchedule(config, 700)).toThrow(
      /3 epochs and optim.cooldown 0 are 21 and 0 steps.*train.steps 20/,
    );
  });

  it("warns when the only step has a learning rate of 0", () => {
    expect(checkSchedule(resolveConfig("emoji-paper", ["train.steps=1"]), 1594)).toEqual([
      expect.stringMatching(/nothing is learned; set optim\.warmup=0/),
    ]);
    expect(checkSchedule(resolveConfig("emoji-paper", ["train.steps=1", "optim.warmup=0"]), 1594)).toEqual([]);
    expect(checkSchedule(resolveConfig("emoji-paper", ["train.steps=2"]), 1594)).toEqual([]);
  });
});
