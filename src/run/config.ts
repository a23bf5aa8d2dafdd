/**
 * The configuration of a run: all keys with their defaults and ranges, the presets, and forbidden combinations.
 *
 *   resolveConfig("emoji", ["optim.lr=1e-3", "train.batch=64"])
 *
 * Later sources override earlier ones: defaults, preset, settings. The result is complete: a run folder stores it as
 * `config.json`, and `checkConfig` reads it back.
 *
 * Names follow big_vision (width, depth, mlpDim, numHeads, posEmb). The values of `emoji` are a recipe that learns
 * 1,594 emoji in minutes on a laptop; weight decay applies per step and is independent of the learning rate.
 */
import { parseJson } from "../formats/index.ts";
import { durationInSteps, parseDuration, pathPattern } from "../nn/index.ts";
import {
  embeddingBytes,
  type LossName,
  logOddsBias,
  parameterCount,
  type SigLipConfig,
  trainingLosses,
} from "../siglip/index.ts";
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

/** Multiplies learning rate and decay of the parameters whose whole path matches; the first match applies. */
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
    vocabSize: integer(1024, 300, 65_536), // for "bpe"; bytes need no training
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
    shards: integer(2, 1, 4096), // equal pieces of a batch, shared by the devices: at least one each
    loss: choice("sigmoid", Object.keys(trainingLosses) as LossName[]),
    kernels: choice("fast", KERNEL_MODES), // strict: the same bits on every engine
    seed: integer(0, 0, 2 ** 32 - 1),
    firstSteps: integer(0, 0, 100_000_000), // train.steps at the start, if --resume has changed it since; else 0
  },
  optim: {
    lr: number(2e-3, { above: 0, max: 10 }),
    beta1: number(0.9, { min: 0, max: 0.9999999 }),
    beta2: number(0.95, { min: 0, max: 0.9999999 }),
    eps: number(1e-8, { min: 1e-38, max: 1 }), // much smaller values are 0 in f32
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
    minutes: number(5, { above: 0, max: 100_000 }), // also saves when so much time has passed since the last save
    keep: integer(2, 2, 100), // one to fall back to when the newest is damaged
  },
  eval: {
    every: integer(1500, 1, 1_000_000_000), // steps
  },
  log: {
    every: integer(20, 1, 1_000_000_000), // steps
  },
};

/** The complete configuration of a run. */
export type Config = Values<typeof schema>;

const SHORT = { data: { augment: "light" }, train: { steps: 4677 } } as const;

const presets: Readonly<Record<string, Partly<Config>>> = {
  /** Learn the names of 1,594 emoji in three drawing styles; test on a fourth. */
  emoji: {},
  /** The same in a third of the steps, with less augmentation: a shorter run tolerates less of it. */
  "emoji-short": SHORT,
  /** `emoji-short` with 160 emoji held out of training in every style. */
  "emoji-unseen": { ...SHORT, data: { ...SHORT.data, name: "emoji-unseen" } },
  /** Drawn scenes, "a small red circle above a large blue square", with combinations held out. */
  shapes: {
    data: { name: "shapes", strokeProbability: 0, augment: "none" },
    tokenizer: { length: 16 },
    train: { steps: 2000 },
  },
};

/** Names of the presets. */
export const presetNames: readonly string[] = Object.keys(presets);

/** The complete configuration of a preset with settings such as `optim.lr=3e-4`. Throws `ConfigError` with every problem. */
export function resolveConfig(preset: string, settings: readonly string[]): Config {
  const problems: Problem[] = [];
  if (!Object.hasOwn(presets, preset)) {
    const detail = `unknown preset ${preset}; choose one of ${presetNames.join(", ")}${hint(preset, presetNames)}`;
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

/** A configuration with settings applied. Throws `ConfigError` with every problem. */
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

/** The model configuration of a run, for a tokenizer with `vocabSize` tokens. */
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
 * Keys of `data`, `tokenizer`, `model`, `train` and `optim` that are newer than saved runs. A key added to these sections
 * must be listed here, with a default that leaves training unchanged: then the configuration of an older run, which lacks
 * the key, keeps the digest that its checkpoints carry.
 */
const LATER_KEYS: readonly string[] = ["data.trim", "train.firstSteps"];

/**
 * The keys that determine every bit of a result, to be hashed: five sections, without later keys at their default. The
 * intervals of logging, saving and evaluation change no bit. If --resume changed train.steps, which it may only where the
 * completed steps stay the same, the original number counts.
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
    // An invalid key kept its old value here, so its conflicts say nothing about the user's value.
    if (!keys.some((key) => wrong.has(key))) problems.push({ code: "CONFIG_COMBINATION", key: keys[0], detail });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Combinations that no run can use, although every key is in its range. */
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
    image.posEmb === "sincos2d" && (image.width % 4 !== 0 || image.width < 8), // a width of 4 has one frequency, which is 0/0
    ["model.image.posEmb", "model.image.width"],
    `model.image.posEmb sincos2d needs a width that is a multiple of 4 and at least 8; model.image.width is ${image.width}`,
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
    `data.testStyle ${data.testStyle} is one of data.trainStyles; test on a style that training does not see`,
  );

  // An epoch is at least one step: this is the least that the two can take.
  const length = { steps: train.steps, batch: train.batch, stepsPerEpoch: 1 };
  const used = durationInSteps(optim.warmup, length) + durationInSteps(optim.cooldown, length);
  refuse(
    used > train.steps,
    ["optim.warmup", "optim.cooldown", "train.steps", "train.batch"],
    `optim.warmup ${optim.warmup} and optim.cooldown ${optim.cooldown} are ${used} steps, more than train.steps ${train.steps}`,
  );

  const large = found.length === 0 ? tooLarge(config) : undefined; // only for a valid model
  if (large !== undefined) refuse(true, ["model", "tokenizer.vocabSize"], large);
  return found;
}

/** Why a model is too large to embed one image or text; undefined if it is not. */
function tooLarge(config: Config): string | undefined {
  const model = modelConfig(config, config.tokenizer.vocabSize);
  const { imageSize, patchSize } = model.image;
  const parameters = parameterCount(model).total;
  const bytes = 4 * parameters + embeddingBytes(model, 1);
  if (bytes <= HEAP_BYTES) return undefined;
  const gib = (size: number): string => `${Math.ceil(size / 2 ** 30)} GiB`;
  return `the model has ${parameters.toExponential(1)} parameters, and an image is ${(imageSize / patchSize) ** 2} tokens: together ${gib(bytes)}, and a device can address ${gib(HEAP_BYTES)}; lower width or depth, or imageSize / patchSize`;
}
