/**
 * The configuration of a run: its keys with defaults and ranges, and forbidden combinations. Presets are in `presets.ts`, the keys
 * of `data` with each data set.
 *
 *   resolveConfig("emoji", ["optim.lr=1e-3", "train.batch=64"])
 *
 * Later sources override earlier ones: defaults, preset, settings. The result is complete: a run folder stores it as
 * `config.json`, and `checkConfig` reads it back.
 *
 * Names follow big_vision (width, depth, mlpDim, numHeads, posEmb). The values of `emoji` are a recipe that learns
 * 1,594 emoji in minutes on a laptop; weight decay applies per step and is independent of the learning rate.
 */
import {
  embeddingBytes,
  gridOf,
  type LossName,
  logOddsBias,
  parameterCount,
  type SigLipConfig,
  trainingLosses,
} from "../siglip/index.ts";
import { HEAP_BYTES, KERNEL_MODES } from "../tensor/index.ts";
import { ConfigError, type Conflict, type Problem } from "./configError.ts";
import { dataConflicts, dataKeys, dataNames } from "./dataSets.ts";
import { didYouMean } from "./didYouMean.ts";
import {
  assignSetting,
  assignTree,
  choice,
  defaults,
  type Field,
  fieldsOf,
  hashOrNone,
  integer,
  jsonList,
  number,
  type Values,
  valueAt,
} from "./fields.ts";
import { lossConflicts, lossFields } from "./lossFields.ts";
import { modelFields } from "./modelFields.ts";
import { objectiveConflicts } from "./objectiveConflicts.ts";
import { keysWithoutEffect, optimizerNames } from "./optimizers.ts";
import { isPattern } from "./patterns.ts";
import { presetNames, presets } from "./presets.ts";
import { scheduleFields } from "./scheduleFields.ts";
import { scheduleConflicts } from "./schedules.ts";

export { ConfigError, type Problem } from "./configError.ts";
export { checkBatch } from "./dataSet.ts";

/** Multiplies learning rate and decay of the parameters whose whole path matches; the first match applies. */
export interface Multiplier {
  readonly match: string;
  readonly lr: number;
  readonly decay: number;
}

const multipliers = (initial: readonly Multiplier[], meaning: string): Field<readonly Multiplier[]> =>
  jsonList(
    initial,
    'a list such as [{"match": "image/.*", "lr": 0.1, "decay": 0}] (match: regular expression, lr and decay from 0 to 1000)',
    isMultiplier,
    meaning,
  );

/** The default: only a model of pairs has these parameters. */
export const PAIR_MULTIPLIER: Multiplier = { match: "tPrime|b", lr: 3, decay: 0 };

const patterns = (meaning: string): Field<readonly string[]> =>
  jsonList([], 'a list of regular expressions such as ["image/.*"]', isPattern, meaning);

function isMultiplier(item: unknown): boolean {
  const { match, lr, decay, ...others } = Object(item) as Record<string, unknown>;
  const isFactor = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1000;
  return isPattern(match) && isFactor(lr) && isFactor(decay) && Object.keys(others).length === 0;
}

/** All keys of a configuration. */
export const fields = {
  data: {
    name: choice("emoji", dataNames, "the data set"),
    ...dataKeys,
  },
  tokenizer: {
    kind: choice(
      "bpe",
      ["bpe", "bytes", "init"],
      "byte pairs learned from the captions, single bytes, or that of --init",
    ),
    vocabSize: integer(1024, 300, 1_000_000, "tokens that bpe learns; bytes need no training"),
    length: integer(10, 2, 512, "tokens of a text; longer ones are cut"),
  },
  model: modelFields,
  train: {
    steps: integer(14_031, 1, 100_000_000, "updates of the parameters"),
    batch: integer(128, 1, 65_536, "pairs in a step"),
    shards: integer(2, 1, 4096, "equal pieces of a batch, shared by the devices: at least one each"),
    loss: choice("sigmoid", Object.keys(trainingLosses) as LossName[], "softmax: the contrastive loss of CLIP"),
    kernels: choice("fast", KERNEL_MODES, "strict: the same bits on every engine; reference: plain loops"),
    seed: integer(0, 0, 2 ** 32 - 1, "determines all random numbers"),
    firstSteps: integer(0, 0, 100_000_000, "train.steps at the start, if --resume has changed it since; else 0"),
    init: hashOrNone("SHA-256 of the weights that --init named: all, or those of the image tower if only it was taken"),
    objective: choice(
      "pairs",
      ["pairs", "classify"],
      "classify: train the image tower alone, with a linear head, on the classes of the data",
    ),
    lock: choice("none", ["none", "image"], "image: take the image tower of --init, and do not change it (SigLiT)"),
  },
  optim: {
    name: choice("adamw", optimizerNames, "which optimizer; lion wants a smaller lr, such as 3e-4, and beta2=0.99"),
    lr: number(2e-3, { above: 0, max: 10 }, "learning rate at its peak"),
    matrixLr: number(0.01, { above: 0, max: 10 }, "that of the matrices which muon updates; lr is for the rest"),
    beta1: number(0.9, { min: 0, max: 0.9999999 }, "decay of the mean of gradients; of sgd the momentum"),
    beta2: number(0.95, { min: 0, max: 0.9999999 }, "decay of the mean of squared gradients; of adafactor the most"),
    eps: number(1e-8, { min: 1e-38, max: 1 }, "ε of Adam's denominator; much smaller values are 0 in f32"),
    weightDecay: number(4e-4, { min: 0, max: 1 }, "per step, independent of the learning rate"),
    decayed: choice("matrices", ["kernels", "matrices"], "what decays; matrices: embeddings and the probe too"),
    clipNorm: number(1, { above: 0, max: 1e9 }, "largest norm of the gradients; longer ones are scaled down to it"),
    ...scheduleFields,
    multipliers: multipliers(
      [PAIR_MULTIPLIER],
      "factors for the parameters whose whole path matches; the first match applies",
    ),
    frozen: patterns("patterns of the paths of parameters that are not trained"),
  },
  loss: lossFields,
  checkpoint: {
    every: integer(1000, 1, 1_000_000_000, "steps between two saves"),
    minutes: number(5, { above: 0, max: 100_000 }, "also saves when so much time has passed since the last save"),
    keep: integer(2, 2, 100, "newest checkpoints kept: one to fall back to when the newest is damaged"),
  },
  eval: {
    every: integer(1500, 1, 1_000_000_000, "steps between two evaluations"),
  },
  log: {
    every: integer(20, 1, 1_000_000_000, "steps between two lines of metrics"),
  },
};

/** The complete configuration of a run. */
export type Config = Values<typeof fields>;

/** The weights that a run starts from, as far as its configuration depends on them. */
export interface Origin {
  readonly model: Config["model"];
  readonly tokenizer: Config["tokenizer"];
  /** Whether it saw drawings cropped; undefined if nobody knows any more. */
  readonly trim?: Config["data"]["trim"];
  /** How released weights take images. */
  readonly preprocess?: string;
  /** SHA-256 of all weights, and of those of the image tower. */
  readonly sha256: { readonly all: string; readonly image: string };
}

/** Whether a run takes of its starting weights the image tower alone: its text tower is new, or it has none. */
export const takesTower = ({ train }: Pick<Config, "train">): boolean =>
  train.lock === "image" || train.objective === "classify";

/**
 * A configuration with what a run keeps of its origin: model and tokenizer, or only the image tower; and how drawings are
 * cropped.
 */
export function startingFrom({ model, tokenizer, trim, preprocess, sha256 }: Origin, config: Config): Config {
  const { image, embedDim } = model;
  const takesAll = !takesTower(config);
  return structuredClone({
    ...config,
    data: { ...config.data, trim: trim ?? config.data.trim, preprocess: preprocess ?? config.data.preprocess },
    model: takesAll ? model : { ...config.model, image, embedDim },
    tokenizer: takesAll ? tokenizer : config.tokenizer,
    train: { ...config.train, init: takesAll ? sha256.all : sha256.image },
  });
}

/**
 * The complete configuration of a preset with settings such as `optim.lr=3e-4`, for a run that starts from `origin`, if given:
 * its model replaces the preset's, and settings still apply. Throws `ConfigError` with every problem.
 */
export function resolveConfig(preset: string, settings: readonly string[], origin?: Origin): Config {
  if (!Object.hasOwn(presets, preset)) {
    const detail = `unknown preset ${preset}; choose one of ${presetNames.join(", ")}${didYouMean(preset, presetNames)}`;
    throw new ConfigError([{ code: "CONFIG_UNKNOWN_KEY", key: "preset", detail }]);
  }
  const problems: Problem[] = [];
  const config = defaults(fields);
  for (const setting of [...presets[preset], ...settings]) assignSetting(fields, config, setting, problems);
  const refuse = (key: string, detail: string): void =>
    void problems.push({ code: "CONFIG_COMBINATION", key, detail: `${key} ${detail}` });
  if (config.train.firstSteps !== 0) refuse("train.firstSteps", "is written by --resume; leave it out");
  if (config.train.init !== "none") refuse("train.init", "is written by --init RUN; use that instead");
  if (!origin) return settled(config, problems);
  const started = startingFrom(origin, config);
  for (const setting of settings) assignSetting(fields, started, setting, []);
  return settled(started, problems);
}

/** A configuration with settings applied. Throws `ConfigError` with every problem. */
export function withSettings(config: Config, settings: readonly string[]): Config {
  const problems: Problem[] = [];
  const changed = structuredClone(config);
  for (const setting of settings) assignSetting(fields, changed, setting, problems);
  return settled(changed, problems);
}

/** A configuration read from a file: unknown keys and values out of range are errors, missing keys take their default. */
export function checkConfig(tree: unknown): Config {
  const problems: Problem[] = [];
  const config = defaults(fields);
  assignTree(fields, config, tree, problems);
  return settled(config, problems);
}

/** The model configuration of a run, for a tokenizer with `vocabSize` tokens. */
export function modelConfig({ model, tokenizer, train, loss }: Config, vocabSize: number): SigLipConfig {
  const { text, biasInit, ...rest } = model;
  return {
    ...rest,
    text: { ...text, vocabSize, length: tokenizer.length },
    biasInit: biasInit === "log-odds" ? logOddsBias(train.batch, loss.ratio) : biasInit,
  };
}

/** A key with its value in two configurations. */
export interface Difference {
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

/** The keys in which two configurations differ. */
export const configDifferences = (before: Config, after: Config): Difference[] =>
  fieldsOf(fields).flatMap(([key]) => {
    const [from, to] = [before, after].map((config) => JSON.stringify(valueAt(config, key.split("."))));
    return from === to ? [] : [{ key, from, to }];
  });

/**
 * Keys of `data`, `tokenizer`, `model`, `train`, `optim` and `loss` that are newer than saved runs. A key added to these sections
 * must be listed here, with a default that leaves training unchanged: then the configuration of an older run, which lacks
 * the key, keeps the digest that its checkpoints carry.
 */
const LATER_KEYS: readonly string[] = [
  "data.trim",
  "data.secondTestStyle",
  "data.languages",
  "data.testLanguages",
  "data.split",
  "data.classes",
  "train.firstSteps",
  "train.init",
  "train.lock",
  "train.objective",
  "model.image.gelu",
  "model.image.repSize",
  "model.image.patchDropout",
  "model.text.gelu",
  "model.text.bottleneck",
  "model.image.epsilon",
  "model.text.epsilon",
  "model.outputInit",
  "optim.name",
  "optim.matrixLr",
  "optim.frozen",
  "optim.end",
  "optim.power",
  "optim.timescale",
  "optim.shift",
  "optim.stairs",
  "optim.schedules",
  "loss.views",
  "loss.negatives",
  "loss.ratio",
  "loss.sameName",
  "data.noise",
  "data.noiseProbability",
  "data.path",
  "data.image",
  "data.text",
  "data.testShare",
  "data.allowBad",
  "data.preprocess",
  "data.contents",
];

/**
 * The keys that determine every bit of a result, to be hashed: six sections, without later keys at their default. The
 * intervals of logging, saving and evaluation change no bit. If --resume changed train.steps, which it may only where the
 * completed steps stay the same, the original number counts.
 */
export function digested(config: Config, later: readonly string[] = LATER_KEYS): object {
  const { data, tokenizer, model, optim, loss } = config;
  const { steps, firstSteps } = config.train;
  const train = { ...config.train, steps: firstSteps || steps, firstSteps: 0 };
  const counted: { loss?: object; data: { path?: string } } = structuredClone({
    ...{ data, tokenizer, model, train, optim, loss },
  });
  if (data.contents !== "none") counted.data.path = "none"; // not where the data is, but what is in it
  const initial = defaults(fields);
  for (const key of later) {
    const path = key.split(".");
    const [value, unset] = [counted, initial].map((values) => JSON.stringify(valueAt(values, path)));
    if (value === unset) delete (valueAt(counted, path.slice(0, -1)) as Record<string, unknown>)[path.at(-1) as string];
  }
  if (Object.keys(counted.loss ?? {}).length === 0) delete counted.loss; // a section that is newer than saved runs
  return counted;
}

function settled(config: Config, problems: Problem[]): Config {
  const wrong = new Set(problems.map((p) => p.key));
  for (const { keys, detail } of [...conflicts(config), ...keysWithoutEffect(config.optim, defaults(fields).optim)]) {
    // An invalid key kept its old value here, so its conflicts say nothing about the user's value.
    if (!keys.some((key) => wrong.has(key))) problems.push({ code: "CONFIG_COMBINATION", key: keys[0], detail });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Combinations that no run can use, although every key is in its range. */
function conflicts(config: Config): Conflict[] {
  const { model, train } = config;
  const { image, text } = model;
  const found: Conflict[] = [];
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
    image.pooling === "first" && image.patchDropout > 0,
    ["model.image.pooling", "model.image.patchDropout"],
    `model.image.pooling first reads the first patch, which model.image.patchDropout ${image.patchDropout} may drop; use model.image.pooling=tok`,
  );
  refuse(
    train.batch % train.shards !== 0,
    ["train.shards", "train.batch"],
    `train.shards ${train.shards} does not divide train.batch ${train.batch}`,
  );
  refuse(
    model.biasInit === "log-odds" && train.batch < 2 && train.objective === "pairs",
    ["model.biasInit", "train.batch"],
    `model.biasInit log-odds is −ln(batch − 1), which needs train.batch of at least 2, not ${train.batch}; use a larger batch, or set a number such as model.biasInit=-10`,
  );
  found.push(
    ...lossConflicts(config),
    ...objectiveConflicts(config),
    ...dataConflicts(config),
    ...scheduleConflicts(config),
  );

  const large = found.length === 0 ? tooLarge(config) : undefined; // only for a valid model
  if (large !== undefined) refuse(true, ["model", "tokenizer.vocabSize"], large);
  return found;
}

/** Why a model is too large to embed one image or text; undefined if it is not. */
function tooLarge(config: Config): string | undefined {
  const model = modelConfig(config, config.tokenizer.vocabSize);
  const [rows, cols] = gridOf(model.image);
  const parameters = parameterCount(model).total;
  const bytes = 4 * parameters + embeddingBytes(model, 1);
  if (bytes <= HEAP_BYTES) return undefined;
  const gib = (size: number): string => `${Math.ceil(size / 2 ** 30)} GiB`;
  return `the model has ${parameters.toExponential(1)} parameters, and an image is ${rows * cols} tokens: together ${gib(bytes)}, and a device can address ${gib(HEAP_BYTES)}; lower width or depth, or imageSize / patchSize`;
}
