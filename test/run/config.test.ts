/** The configuration: valid settings, and the message for every invalid one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ConfigError,
  checkBatch,
  checkConfig,
  configDifferences,
  type Problem,
  resolveConfig,
  withSettings,
} from "../../src/run/config.ts";
import { presetNames } from "../../src/run/presets.ts";

function problemsOf(settings: string[], preset = "emoji"): readonly Problem[] {
  try {
    resolveConfig(preset, settings);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}

/** Keys of all leaves of a plain tree. */
function keysOf(tree: object, path = ""): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "object" && !Array.isArray(value) ? keysOf(value, `${path}${key}.`) : [path + key],
  );
}

describe("resolveConfig", () => {
  it.each(presetNames)("resolves preset %s, and a file of the result reads back as the same", (preset) => {
    const config = resolveConfig(preset, []);
    expect(checkConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("reads a setting as the type of its key", () => {
    const config = resolveConfig("emoji-paper", [
      "optim.lr=3e-4",
      "train.steps=+100",
      "optim.schedule=rsqrt",
      "data.trainStyles=noto, openmoji",
      "data.testStyle=fluent",
      "model.biasInit=-10",
      "optim.warmup=5 epochs",
      'optim.multipliers=[{"match":"image/.*","lr":0.1,"decay":0}]',
    ]);
    expect(config.optim.lr).toBe(3e-4);
    expect(config.train.steps).toBe(100);
    expect(config.optim.schedule).toBe("rsqrt");
    expect(config.data.trainStyles).toEqual(["noto", "openmoji"]);
    expect(config.model.biasInit).toBe(-10);
    expect(config.optim.warmup).toBe("5 epochs");
    expect(config.optim.multipliers).toEqual([{ match: "image/.*", lr: 0.1, decay: 0 }]);
  });

  it("lets the last of several settings of one key win", () => {
    expect(resolveConfig("emoji-paper", ["train.seed=1", "train.seed=2"]).train.seed).toBe(2);
  });

  it("does not change the defaults of the next call", () => {
    resolveConfig("emoji-paper", ["optim.lr=1"]);
    expect(resolveConfig("emoji-paper", []).optim.lr).toBe(2e-3);
  });

  it("reports all problems at once", () => {
    const codes = problemsOf(["optm.lr=1", "optim.lr=-1", "train.steps=1.5", "model.image.numHeads=5", "foo"]).map(
      (p) => p.code,
    );
    expect(codes.sort()).toEqual([
      "CONFIG_COMBINATION",
      "CONFIG_RANGE",
      "CONFIG_SYNTAX",
      "CONFIG_TYPE",
      "CONFIG_UNKNOWN_KEY",
    ]);
  });

  it.each([
    ["optm.lr=1", "optim.lr"],
    ["lr=1", "optim.lr"],
    ["model.img.width=1", "model.image.width"],
    ["train.batchsize=1", "train.batch"],
    ["train.Steps=1", "train.steps"],
    ["model.image.w=1", "model.image.width"],
    ["optm=1", "optim"],
  ])("names the nearest key for %s", (setting, nearest) => {
    const [problem] = problemsOf([setting]);
    expect(problem.code).toBe("CONFIG_UNKNOWN_KEY");
    expect(problem.detail).toContain(`did you mean ${nearest}?`);
  });

  it("knows no key below a key", () => {
    expect(problemsOf(["optim.lr.initial=1"])[0].detail).toBe("optim.lr.initial is not a key");
  });

  it("offers no key when none is close", () => {
    expect(problemsOf(["qqqqqqqqqqqqqqqq=1"])[0].detail).not.toContain("did you mean");
  });

  it("names the nearest preset", () => {
    expect(() => resolveConfig("emojy", [])).toThrow("did you mean emoji?");
  });

  it("says of a refused value what its key accepts and what it means", () => {
    const [{ detail }] = problemsOf(["optim.lr=11"]);
    expect(detail).toBe("optim.lr = 11: expected a number above 0 and at most 10 (learning rate at its peak)");
  });

  it.each([
    ["optim.lr=0", "CONFIG_RANGE", "above 0 and at most 10"],
    ["optim.lr=NaN", "CONFIG_TYPE", "above 0 and at most 10"],
    ["optim.lr=1e400", "CONFIG_RANGE", "above 0 and at most 10"],
    ["optim.lr=", "CONFIG_TYPE", "a number"],
    ["optim.lr=0x10", "CONFIG_TYPE", "a number"],
    ["train.batch=0", "CONFIG_RANGE", "from 1 to 65536"],
    ["train.seed=9007199254740993", "CONFIG_RANGE", "from 0 to 4294967295"],
    ["model.image.depth=1e9", "CONFIG_RANGE", "from 1 to 64"],
    ["checkpoint.keep=1", "CONFIG_RANGE", "from 2 to 100"],
    ["optim.beta2=1", "CONFIG_RANGE", "0 to 0.9999999"],
    ["optim.schedule=cosin", "CONFIG_RANGE", "constant, linear, polynomial, cosine, rsqrt, stair"],
    ["optim.timescale=0", "CONFIG_RANGE", "a duration above 0"],
    ["optim.shift=x", "CONFIG_RANGE", "a duration such as"],
    ['optim.stairs=[{"at":"5"}]', "CONFIG_RANGE", '[{"at": "50%", "factor": 0.1}]'],
    ['optim.schedules=[{"match":"(","kind":"linear"}]', "CONFIG_RANGE", "regular expression"],
    ['optim.schedules=[{"match":"b"}]', "CONFIG_RANGE", "kind: as optim.schedule"],
    ['optim.schedules=[{"match":"b","kind":"linear","warmup":3}]', "CONFIG_RANGE", "warmup"],
    ['optim.schedules=[{"match":"b","kind":"linear","lr":3}]', "CONFIG_RANGE", "as theirs"],
    ["data.trainStyles=noto,noto", "CONFIG_RANGE", "distinct words"],
    ["data.trainStyles=", "CONFIG_RANGE", "noto, twemoji"],
    ["model.biasInit=auto", "CONFIG_TYPE", "log-odds or a number"],
    ["optim.warmup=3 parsecs", "CONFIG_RANGE", "10%, 400 steps"],
    ["optim.warmup=101%", "CONFIG_RANGE", "10%, 400 steps"],
    ["optim.multipliers=[", "CONFIG_TYPE", "regular expression"],
    ['optim.multipliers=[{"match":"(","lr":1,"decay":1}]', "CONFIG_RANGE", "regular expression"],
    ["optim=3", "CONFIG_TYPE", "optim.lr"],
  ])("refuses %s with the code %s and what is allowed", (setting, code, allowed) => {
    const problems = problemsOf([setting]);
    expect(problems).toHaveLength(1);
    expect(problems[0].code).toBe(code);
    expect(problems[0].detail).toContain(allowed);
  });

  it.each([
    [["model.image.numHeads=5"], "numHeads 5 does not divide"],
    [["model.text.width=63"], "numHeads 2 does not divide model.text.width 63"],
    [["model.image.patchSize=7"], "patchSize 7 does not divide"],
    [["model.image.posEmb=sincos2d", "model.image.width=6", "model.image.numHeads=2"], "a multiple of 4"],
    [["model.image.posEmb=sincos2d", "model.image.width=4"], "at least 8"],
    [["model.image.pooling=first", "model.image.patchDropout=0.5"], "use model.image.pooling=tok"],
    [["train.batch=1", "train.shards=1"], "log-odds"],
    [["train.batch=33"], "train.shards 2 does not divide train.batch 33"],
    [["data.testStyle=noto"], "trainStyles"],
    [["loss.views=texts", "train.lock=image"], "loss.views texts is for a run that trains its image tower"],
    [["loss.negatives=hard", "train.loss=softmax"], "loss.negatives hard is for train.loss=sigmoid"],
    [["loss.sameName=positive", "train.loss=softmax"], "each image has one text, so use loss.sameName=mask"],
    [["loss.ratio=0.1"], "loss.ratio 0.1 has no effect with loss.negatives all; set loss.negatives to"],
    [["data.noiseProbability=0.1"], "data.noiseProbability 0.1 has no effect with data.noise none; set data.noise to"],
    [["optim.warmup=60%", "optim.cooldown=50%"], "more than train.steps"],
    [["optim.warmup=7000", "train.steps=6000"], "more than train.steps"],
    [
      ["optim.end=0.5"],
      "optim.schedule cosine does not use optim.end, an option of linear and polynomial; leave it out",
    ],
    [
      ["optim.schedule=linear", "optim.power=2"],
      "optim.schedule linear does not use optim.power, an option of polynomial",
    ],
    [["optim.schedule=stair"], "optim.schedule stair needs optim.stairs"],
    [['optim.stairs=[{"at":"1","factor":1}]'], "does not use optim.stairs, an option of stair"],
    [
      ['optim.schedules=[{"match":"b","kind":"cosine","end":0}]'],
      'optim.schedules["b"].kind cosine does not use optim.schedules["b"].end, an option of linear',
    ],
    [
      ['optim.schedules=[{"match":"b","kind":"stair"}]'],
      'optim.schedules["b"].kind stair needs optim.schedules["b"].stairs',
    ],
    [
      ['optim.schedules=[{"match":"b","kind":"linear","warmup":"60%","cooldown":"50%"}]'],
      'optim.schedules["b"].warmup 60% and',
    ],
    [["model.image.width=8192", "model.image.depth=64"], "parameters"],
  ])("rejects %j, which conflict", (settings, words) => {
    const problems = problemsOf(settings);
    expect(problems.map((p) => p.code)).toEqual(["CONFIG_COMBINATION"]);
    expect(problems[0].detail).toContain(words);
  });

  it("says nothing about combinations of an invalid key", () => {
    expect(problemsOf(["model.image.width=abc", "model.image.numHeads=5"]).map((p) => p.code)).toEqual(["CONFIG_TYPE"]);
  });

  it("throws nothing but ConfigError, with bounded lines of printable text, whatever is set", () => {
    const keys = keysOf(resolveConfig("emoji-paper", []));
    const key = fc.oneof(fc.constantFrom(...keys, "__proto__.x", "constructor", "optim.lr.initial"), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.string({ unit: "binary" })), { maxLength: 3 }), (pairs) => {
        try {
          resolveConfig(
            "emoji",
            pairs.map(([k, v]) => `${k}=${v}`),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          for (const line of (error as ConfigError).message.split("\n")) {
            expect(line.startsWith("config: ")).toBe(true);
            expect(line).not.toMatch(/\p{Cc}/u);
            expect(line.length).toBeLessThan(800);
          }
        }
      }),
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("checkConfig", () => {
  it("refuses keys that it does not know, also those every object has", () => {
    for (const text of ['{"__proto__": {"lr": 1}}', '{"constructor": 1}', '{"optim": {"toString": 1}}']) {
      expect(() => checkConfig(JSON.parse(text))).toThrow("is not a key");
    }
  });

  it("names the key or group nearest to one that it does not know", () => {
    expect(() => checkConfig({ optim: { lrr: 1 } })).toThrow("optim.lrr is not a key; did you mean optim.lr?");
    expect(() => checkConfig({ optm: { lr: 1 } })).toThrow("optm is not a key; did you mean optim?");
  });

  it.each([[[]], ["x"], [null], [{ optim: [] }], [{ optim: { lr: "0.1" } }], [{ train: { steps: null } }]])(
    "refuses %j as the wrong type",
    (tree) => {
      expect(() => checkConfig(tree)).toThrow(ConfigError);
    },
  );
});

it("checkBatch refuses a batch of more items than there are", () => {
  const config = resolveConfig("emoji-paper", []);
  expect(() => checkBatch(config, 128)).not.toThrow();
  expect(() => checkBatch(config, 127)).toThrow("use at most 127");
});

it("configDifferences names exactly the keys that were set", () => {
  const before = resolveConfig("emoji-paper", []);
  expect(configDifferences(before, before)).toEqual([]);
  expect(configDifferences(before, resolveConfig("emoji-paper", ["optim.lr=1e-3", "data.trainStyles=noto"]))).toEqual([
    { key: "data.trainStyles", from: '["noto","twemoji","fluent"]', to: '["noto"]' },
    { key: "optim.lr", from: "0.002", to: "0.001" },
  ]);
});

it("withSettings changes what is named, and nothing else of a configuration", () => {
  const before = resolveConfig("shapes", ["train.steps=300"]);
  const after = withSettings(before, ["log.every=7", "optim.schedule=constant"]);
  expect(configDifferences(before, after).map(({ key }) => key)).toEqual(["optim.schedule", "log.every"]);
  expect(() => withSettings(before, ["log.evry=7", "optim.lr=-1"])).toThrow(/log\.every[\s\S]*optim\.lr/);
});

it("a number that is 0 in f32 is not a valid ε", () => {
  expect(Math.fround(resolveConfig("emoji-paper", ["optim.eps=1e-38"]).optim.eps)).toBeGreaterThan(0);
  expect(() => resolveConfig("emoji-paper", ["optim.eps=1e-300"])).toThrow(/optim\.eps/);
});

it("what --resume writes cannot be set", () => {
  expect(() => resolveConfig("emoji-paper", ["train.firstSteps=3"])).toThrow(
    /train\.firstSteps is written by --resume/,
  );
});

describe("data.languages", () => {
  const problem = (...settings: string[]): string => {
    try {
      resolveConfig("emoji", settings);
      return "accepted";
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("all stands for the 28 languages of emojibase-data, cldr for 99, and each can have more beside", () => {
    const languages = (value: string) => resolveConfig("emoji", [`data.languages=${value}`]).data.languages;
    expect([languages("all").length, languages("cldr").length]).toEqual([28, 99]);
    expect(languages("all, sw")).toEqual([...languages("all"), "sw"]);
    expect(resolveConfig("emoji", ["data.testLanguages=none"]).data.testLanguages).toEqual([]);
  });

  it("rejects an unknown code with the nearest one, a repeated one, and an empty list", () => {
    expect(problem("data.languages=en,jp")).toMatch(/jp is none of them; did you mean ja\?/);
    expect(problem("data.languages=english")).toMatch(/english is none of them; did you mean en\?/);
    expect(problem("data.languages=en,de,en")).toMatch(/en is there twice/);
    expect(problem("data.languages=all,de")).toMatch(/de is there twice/);
    expect(problem("data.languages=")).toMatch(/none of them/);
    expect(problem("data.languages=none")).toMatch(/none is none of them/);
    expect(problem("data.testLanguages=de,xyzzy")).toMatch(/xyzzy is none of them/);
  });
});
