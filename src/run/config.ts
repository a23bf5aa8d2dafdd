/**
 * The configuration of a run: all keys with their defaults and ranges, the presets, and what does not go together.
 *
 *   resolveConfig("emoji", ["optim.lr=1e-3", "train.batch=64"])
 *
 * Later sources win: defaults, preset, settings. The result is complete: a run folder keeps it as `config.json`, and
 * `checkConfig` reads it back.
 *
 * Names follow big_vision (width, depth, mlpDim, numHeads, posEmb). The values of `emoji` are a recipe that learns
 * 1,594 emoji in minutes on a laptop; weight decay counts per step and does not depend on the rate.
 */
import { parseJson } from "../formats/index.ts";
import { durationInSteps, parseDuration, pathPattern } from "../nn/index.ts";
import { embeddingBytes, logOddsBias, parameterCount, type SigLipConfig } from "../siglip/index.ts";
import { HEAP_BYTES, KERNEL_MODES } from "../tensor/index.ts";
import { dataKeys, dataNames } from "./dataSets.ts";
import {
  ConfigError,
  choice,
  defaults,
  type Field,
  fill,
  hint,
  integer,
  number,
  numberOr,
  type Partly,
  type Problem,
  parseSetting,
  type Values,
} from "./schema.ts";

export { checkBatch } from "./dataSet.ts";
export { ConfigError, type Problem } from "./schema.ts";

/** `10%`, `400 steps`, `5 epochs`, `50000 examples`; a bare number counts steps. */
function duration(initial: string): Field<string> {
  const expected = "a duration such as 10%, 400 steps, 5 epochs or 50000 examples";
  return {
    initial,
    parse: (text) => text,
    check(value) {
      if (typeof value !== "string") return { code: "CONFIG_TYPE", expected };
      return parseDuration(value) === undefined ? { code: "CONFIG_RANGE", expected } : { value };
    },
  };
}

/** The rate and the decay of the parameters whose whole path matches are multiplied; the first match counts. */
export interface Multiplier {
  readonly match: string;
  readonly lr: number;
  readonly decay: number;
}

function multipliers(initial: readonly Multiplier[]): Field<readonly Multiplier[]> {
  const expected =
    'a list such as [{"match": "image/.*", "lr": 0.1, "decay": 0}] (match: regular expression, lr and decay from 0 to 1000)';
  const factor = number(1, { min: 0, max: 1000 });
  const isMultiplier = (item: unknown): item is Multiplier => {
    if (typeof item !== "object" || item === null || Object.keys(item).sort().join() !== "decay,lr,match") return false;
    const { match, lr, decay } = item as Record<string, unknown>;
    return (
      typeof match === "string" && isPattern(match) && "value" in factor.check(lr) && "value" in factor.check(decay)
    );
  };
  return {
    initial,
    parse(text) {
      try {
        return parseJson(new TextEncoder().encode(text), "optim.multipliers");
      } catch {
        return text; // not JSON: reported as the wrong type
      }
    },
    check(value) {
      if (!Array.isArray(value)) return { code: "CONFIG_TYPE", expected };
      return value.every(isMultiplier) ? { value } : { code: "CONFIG_RANGE", expected };
    },
  };
}

function isPattern(text: string): boolean {
  try {
    pathPattern(text);
    return text.length <= 200;
  } catch {
    return false;
  }
}

const schema = {
  data: {
    name: choice("emoji", dataNames),
    ...dataKeys,
  },
  tokenizer: {
    kind: choice("bpe", ["bpe", "bytes"]),
    vocabSize: integer(1024, 300, 65_536), // of "bpe"; bytes need no training
    length: integer(10, 2, 512),
  },
  model: {
    image: {
      imageSize: integer(32, 4, 1024),
      patchSize: integer(8, 1, 256),
      width: integer(64, 1, 8192),
      depth: integer(3, 1, 64),
      mlpDim: integer(256, 1, 32_768),
      numHeads: integer(4, 1, 128),
      pooling: choice("map", ["map", "mean"]),
      posEmb: choice("learn", ["learn", "sincos2d"]),
    },
    text: {
      width: integer(64, 1, 8192),
      depth: integer(1, 1, 64),
      mlpDim: integer(256, 1, 32_768),
      numHeads: integer(2, 1, 128),
      pooling: choice("last", ["last", "first", "mean", "map"]),
    },
    embedDim: integer(64, 1, 8192),
    temperatureInit: number(10, { min: 1e-30, max: 1000 }), // t = exp(t′), in f32
    biasInit: numberOr("log-odds", { min: -100, max: 100 }, ["log-odds"]), // "log-odds": b = −ln(batch − 1)
  },
  train: {
    steps: integer(14_031, 1, 100_000_000),
    batch: integer(128, 1, 65_536),
    shards: integer(2, 1, 4096), // equal pieces of a batch; devices share them, so there are at least as many
    loss: choice("sigmoid", ["sigmoid", "softmax"]),
    kernels: choice("fast", KERNEL_MODES), // strict: the same bits on every engine
    seed: integer(0, 0, 2 ** 32 - 1),
    firstSteps: integer(0, 0, 100_000_000), // steps when the run began, if --resume has changed them since; 0: it has not
  },
  optim: {
    lr: number(2e-3, { above: 0, max: 10 }),
    beta1: number(0.9, { min: 0, max: 0.9999999 }),
    beta2: number(0.95, { min: 0, max: 0.9999999 }),
    eps: number(1e-8, { min: 1e-38, max: 1 }), // what is much smaller is 0 in f32
    weightDecay: number(4e-4, { min: 0, max: 1 }),
    decayed: choice("matrices", ["kernels", "matrices"]), // matrices: embeddings and the probe too
    clipNorm: number(1, { above: 0, max: 1e9 }),
    schedule: choice("cosine", ["cosine", "linear", "rsqrt", "constant"]),
    warmup: duration("10%"),
    cooldown: duration("0"),
    multipliers: multipliers([{ match: "tPrime|b", lr: 3, decay: 0 }]),
  },
  checkpoint: {
    every: integer(1000, 1, 1_000_000_000), // steps
    minutes: number(5, { above: 0, max: 100_000 }), // saved as well when so much time has passed since the last save
    keep: integer(2, 2, 100), // one to fall back to when the newest is damaged
  },
  eval: {
    every: integer(1500, 1, 1_000_000_000), // steps
  },
  log: {
    every: integer(20, 1, 1_000_000_000), // steps
  },
};

export type Config = Values<typeof schema>;

const SHORT = { data: { augment: "light" }, train: { steps: 4677 } } as const;

const presets: Readonly<Record<string, Partly<Config>>> = {
  /** Learn the names of 1,594 emoji in three drawing styles; test on a fourth. */
  emoji: {},
  /** The same in a third of the steps, with less augmentation: a shorter run sees less, and can bear less. */
  "emoji-short": SHORT,
  /** The short one with 160 emoji left out of training in every style. */
  "emoji-unseen": { ...SHORT, data: { ...SHORT.data, name: "emoji-unseen" } },
  /** Drawn scenes, "a small red circle above a large blue square", with combinations held out. */
  shapes: {
    data: { name: "shapes", strokeProbability: 0, augment: "none" },
    tokenizer: { length: 16 },
    train: { steps: 2000 },
  },
};

export const presetNames: readonly string[] = Object.keys(presets);

/** The complete configuration of a preset with settings such as `optim.lr=3e-4`. Throws `ConfigError` with every problem. */
export function resolveConfig(preset: string, settings: readonly string[]): Config {
  const problems: Problem[] = [];
  if (!Object.hasOwn(presets, preset)) {
    const detail = `preset ${preset} is none of ${presetNames.join(", ")}${hint(preset, presetNames)}`;
    throw new ConfigError([{ code: "CONFIG_UNKNOWN_KEY", key: "preset", detail }]);
  }
  let config = fill(schema, defaults(schema), presets[preset], problems);
  for (const text of settings) {
    const tree = parseSetting(schema, text, problems);
    if (tree !== undefined) config = fill(schema, config, tree, problems);
  }
  if (config.train.firstSteps !== 0) {
    const detail = "train.firstSteps is written by --resume; leave it out";
    problems.push({ code: "CONFIG_COMBINATION", key: "train.firstSteps", detail });
  }
  return settled(config, problems);
}

/** A configuration with settings put in. Throws `ConfigError` with every problem. */
export function withSettings(config: Config, settings: readonly string[]): Config {
  const problems: Problem[] = [];
  let changed = config;
  for (const text of settings) {
    const tree = parseSetting(schema, text, problems);
    if (tree !== undefined) changed = fill(schema, changed, tree, problems);
  }
  return settled(changed, problems);
}

/** A configuration read from a file: unknown keys and values out of range are errors, missing keys take their default. */
export function checkConfig(tree: unknown): Config {
  const problems: Problem[] = [];
  return settled(fill(schema, defaults(schema), tree, problems), problems);
}

/** What the model of a run is made of. */
export function modelConfig({ model, tokenizer, train }: Config, vocabSize: number): SigLipConfig {
  const { image, text, embedDim, temperatureInit, biasInit } = model;
  return {
    image,
    text: { ...text, vocabSize, length: tokenizer.length },
    embedDim,
    temperatureInit,
    biasInit: biasInit === "log-odds" ? logOddsBias(train.batch) : biasInit,
  };
}

/** A key with its value in two configurations. */
export interface Difference {
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

/** The keys in which two configurations differ. */
export function configDifferences(before: Config, after: Config): Difference[] {
  const walk = (a: unknown, b: unknown, path: string): Difference[] => {
    if (typeof a === "object" && a !== null && !Array.isArray(a)) {
      return Object.entries(a).flatMap(([key, value]) =>
        walk(value, (b as Record<string, unknown>)[key], path === "" ? key : `${path}.${key}`),
      );
    }
    const [from, to] = [JSON.stringify(a), JSON.stringify(b)];
    return from === to ? [] : [{ key: path, from, to }];
  };
  return walk(before, after, "");
}

/**
 * Keys of `data`, `tokenizer`, `model`, `train` and `optim` that came after runs had been saved without them. Whoever adds a
 * key to these sections adds it here, with a default under which training does what it did before: then the configuration of
 * an older run, which lacks the key, still has the digest that its checkpoints carry.
 */
const LATER_KEYS: readonly string[] = ["data.trim", "train.firstSteps"];

/**
 * What decides about every bit of a result, to be hashed: the keys of five sections, without later keys that hold their
 * default. How often to log, save and evaluate changes no bit. A run whose steps were changed by --resume, which is allowed
 * where no step that was done would have been another, counts with the steps that it began with.
 */
export function digested(config: Config, later: readonly string[] = LATER_KEYS): object {
  const { data, tokenizer, model, optim } = config;
  const { steps, firstSteps } = config.train;
  const train = { ...config.train, steps: firstSteps || steps, firstSteps: 0 };
  const without = (node: unknown, initial: unknown, path: string): unknown => {
    if (typeof node !== "object" || node === null || Array.isArray(node)) return node;
    const before = initial as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(node).flatMap(([key, value]) => {
        const name = path === "" ? key : `${path}.${key}`;
        const isLeftOut = later.includes(name) && JSON.stringify(value) === JSON.stringify(before[key]);
        return isLeftOut ? [] : [[key, without(value, before[key], name)]];
      }),
    );
  };
  return without({ data, tokenizer, model, train, optim }, defaults(schema), "") as object;
}

function settled(config: Config, problems: Problem[]): Config {
  const wrong = new Set(problems.map((p) => p.key));
  for (const { keys, detail } of conflicts(config)) {
    // A key that is wrong by itself kept another value here: what it does not fit says nothing about the user's.
    if (!keys.some((key) => wrong.has(key))) problems.push({ code: "CONFIG_COMBINATION", key: keys[0], detail });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** What no run can be made of, although every key by itself is in its range. */
function conflicts(config: Config): { keys: string[]; detail: string }[] {
  const { data, model, train, optim } = config;
  const { image, text } = model;
  const found: { keys: string[]; detail: string }[] = [];
  const refuse = (when: boolean, keys: string[], detail: string): void => {
    if (when) found.push({ keys, detail });
  };

  for (const [name, tower] of Object.entries({ image, text })) {
    refuse(
      tower.width % tower.numHeads !== 0,
      [`model.${name}.numHeads`, `model.${name}.width`],
      `model.${name}.numHeads ${tower.numHeads} does not divide model.${name}.width ${tower.width}`,
    );
  }
  refuse(
    image.imageSize % image.patchSize !== 0,
    ["model.image.patchSize", "model.image.imageSize"],
    `model.image.patchSize ${image.patchSize} does not divide model.image.imageSize ${image.imageSize}`,
  );
  refuse(
    image.posEmb === "sincos2d" && (image.width % 4 !== 0 || image.width < 8), // of 4 it has one frequency, which is 0/0
    ["model.image.posEmb", "model.image.width"],
    `model.image.posEmb sincos2d needs a width of at least 8 that 4 divides, model.image.width is ${image.width}`,
  );
  refuse(
    train.batch % train.shards !== 0,
    ["train.shards", "train.batch"],
    `train.shards ${train.shards} does not divide train.batch ${train.batch}`,
  );
  refuse(
    model.biasInit === "log-odds" && train.batch < 2,
    ["model.biasInit", "train.batch"],
    `model.biasInit log-odds is −ln(batch − 1), which needs train.batch of at least 2, not ${train.batch}; use a larger batch, or set a number such as model.biasInit=-10`,
  );
  refuse(
    data.name !== "shapes" && data.trainStyles.includes(data.testStyle),
    ["data.testStyle", "data.trainStyles"],
    `data.testStyle ${data.testStyle} is one of data.trainStyles; the test is on a style that training does not see`,
  );

  // An epoch is at least one step: with 1 this is the shortest the two can be.
  const length = { steps: train.steps, batch: train.batch, stepsPerEpoch: 1 };
  const used = durationInSteps(optim.warmup, length) + durationInSteps(optim.cooldown, length);
  refuse(
    used > train.steps,
    ["optim.warmup", "optim.cooldown", "train.steps", "train.batch"],
    `optim.warmup ${optim.warmup} and optim.cooldown ${optim.cooldown} are ${used} steps, more than train.steps ${train.steps}`,
  );

  const large = found.length === 0 ? tooLarge(config) : undefined; // of a model that can be
  if (large !== undefined) refuse(true, ["model", "tokenizer.vocabSize"], large);
  return found;
}

/** Why a model is too large to embed one picture or text with, if it is. */
function tooLarge(config: Config): string | undefined {
  const model = modelConfig(config, config.tokenizer.vocabSize);
  const { imageSize, patchSize } = model.image;
  const parameters = parameterCount(model).total;
  const bytes = 4 * parameters + embeddingBytes(model, 1);
  if (bytes <= HEAP_BYTES) return undefined;
  const gib = (size: number): string => `${Math.ceil(size / 2 ** 30)} GiB`;
  return `the model has ${parameters.toExponential(1)} parameters, and a picture is ${(imageSize / patchSize) ** 2} tokens: together ${gib(bytes)}, and a device can address ${gib(HEAP_BYTES)}; lower width or depth, or imageSize / patchSize`;
}
