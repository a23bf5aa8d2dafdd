/** Settings of a run that classifies: what contradicts them, and what has no effect. */
import { describe, expect, it } from "vitest";
import { ConfigError, resolveConfig } from "../../src/run/config.ts";
import { deviceBytes, runBytes } from "../../src/run/memory.ts";
import { buildClassifier, buildOptimizer, trainedPaths } from "../../src/run/model.ts";
import { settingsInVain } from "../../src/run/objectiveConflicts.ts";
import { checkSettings } from "../../src/run/preflight.ts";
import { configDigest } from "../../src/run/runFolder.ts";

const CLASSIFY = "train.objective=classify";

describe("a run that classifies", () => {
  it("trains the image tower and its head, and needs less memory than one of pairs", () => {
    const config = resolveConfig("emoji-paper", [CLASSIFY]);
    expect(checkSettings(config, false)).toEqual([]); // the default multipliers of t′ and b do not matter
    const paths = trainedPaths(config);
    expect(paths).toEqual(expect.arrayContaining(["image/patchEmbed/embed/kernel", "head/kernel", "head/bias"]));
    expect(paths.every((path) => path.startsWith("image/") || path.startsWith("head/"))).toBe(true);
    const pairs = resolveConfig("emoji-paper", []);
    expect(deviceBytes(config, 2, 2)).toBeLessThan(deviceBytes(pairs, 2, 2));
    expect(runBytes(config, 2)).toBeLessThan(runBytes(pairs, 2));
    const model = buildClassifier(config, 10);
    expect(buildOptimizer(config, model).updates(model.head.kernel)).toBe(true);
  });

  it("starts at the log-odds of a class, unless model.biasInit says otherwise", () => {
    const biasOf = (...settings: string[]) =>
      buildClassifier(resolveConfig("emoji-paper", [CLASSIFY, ...settings]), 10).config.biasInit;
    expect(biasOf()).toBeCloseTo(-Math.log(9), 12);
    expect(biasOf("model.biasInit=-3")).toBe(-3);
  });

  it("has patterns of its own parameters", () => {
    const tried =
      (...settings: string[]) =>
      () =>
        checkSettings(resolveConfig("emoji-paper", [CLASSIFY, ...settings]), false);
    expect(tried('optim.multipliers=[{"match": "head/.*", "lr": 2, "decay": 1}]')()).toEqual([]);
    expect(tried('optim.multipliers=[{"match": "text/.*", "lr": 2, "decay": 1}]')).toThrow(
      /"text\/\.\*" matches no parameter/,
    );
    expect(tried('optim.frozen=["image/.*"]')()).toEqual([]);
  });

  it.each([
    ["a locked tower", ["train.lock=image"], /train\.lock image leaves nothing to train/],
    ["the softmax loss", ["train.loss=softmax"], /train\.loss softmax is for train\.objective=pairs/],
    ["two views", ["loss.views=texts"], /loss\.views texts is about pairs.*set loss\.views=1/],
    ["some negatives", ["loss.negatives=hard", "loss.ratio=0.5"], /loss\.negatives hard is about pairs/],
    ["equal texts", ["loss.sameName=positive"], /loss\.sameName positive is about pairs/],
    ["noise of texts", ["data.noise=all", "data.noiseProbability=0.1"], /data\.noise all spoils texts.*use data\.noise=image/],
  ])("refuses %s", (_, settings, says) => {
    expect(() => resolveConfig("emoji-paper", [CLASSIFY, ...settings])).toThrow(ConfigError);
    expect(() => resolveConfig("emoji-paper", [CLASSIFY, ...settings])).toThrow(says);
    expect(() => resolveConfig("emoji-paper", settings)).not.toThrow();
  }); // biome-ignore format: a case a line

  it("names the settings of texts, which it does not read", () => {
    const settings = ["tokenizer.length=8", " model.text.width = 128", "model.temperatureInit=5", "data.languages=de"];
    const others = [CLASSIFY, "model.image.depth=1", "optim.lr=1e-3", "loss.views=1"];
    const named = (given: readonly string[]) => settingsInVain(resolveConfig("emoji", given), given);
    expect(named([...others, ...settings])).toEqual([
      "no effect with train.objective classify, which reads no texts: tokenizer.length, model.text.width, model.temperatureInit, data.languages; leave out",
    ]);
    expect(named(others)).toEqual([]);
    expect(named(settings)).toEqual([]);
  });

  it("takes a batch of one image, which has no negatives to lack", () => {
    const config = resolveConfig("emoji-paper", [CLASSIFY, "train.batch=1", "train.shards=1"]);
    expect(checkSettings(config, false)).toEqual([]);
  });

  it("takes noise of images", () => {
    const noise = ["data.noise=image", "data.noiseProbability=0.1"];
    expect(resolveConfig("emoji-paper", [CLASSIFY, ...noise]).data.noise).toBe("image");
  });

  it("has a digest of its own, and runs of pairs keep theirs", () => {
    const [pairs, classify] = [[], [CLASSIFY]].map((settings) => configDigest(resolveConfig("emoji-paper", settings)));
    expect(classify).not.toBe(pairs);
    expect(configDigest(resolveConfig("emoji-paper", ["train.objective=pairs"]))).toBe(pairs);
  });
});
