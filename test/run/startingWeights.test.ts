/** `--init`: weights of a run or of a saved model as the start of a new run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { saveModel } from "../../src/models/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { type Config, ConfigError, resolveConfig } from "../../src/run/config.ts";
import { buildClassifier, buildModel, buildOptimizer } from "../../src/run/model.ts";
import { configDigest, createRun, RunFolderError } from "../../src/run/runFolder.ts";
import {
  initialCheckpoint,
  keptTokenizer,
  openStartingWeights,
  requireFit,
  type StartingWeights,
} from "../../src/run/startingWeights.ts";
import { checkpointOf } from "../../src/run/trainingState.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { SigLip } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { byteTokenizer, trainBpe } from "../../src/tokenizers/index.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-init-"));
afterAll(() => rmSync(folder, { recursive: true }));
let folders = 0;
const newPath = (): string => join(folder, `${folders++}`);

const tokenizer = trainBpe(["red heart", "blue heart", "red circle"], 300);
const SMALL = ["model.image.width=32", "model.text.width=16", "model.embedDim=24", "model.temperatureInit=7"];
const never = (message: string): void => expect.fail(message);

/** The folder of a run of some configuration, after a step. */
function aRun(config: Config = resolveConfig("emoji-paper", ["train.seed=5", ...SMALL])): string {
  const path = newPath();
  const run = createRun(path, config, new Date(0));
  const isClassifier = config.train.objective === "classify";
  const model = isClassifier ? buildClassifier(config, 6) : buildModel(config, tokenizer.vocabSize);
  run.checkpoints.save(checkpointOf(3, model, buildOptimizer(config, model), tokenizer), configDigest(config));
  run.release();
  return path;
}

const started = (settings: readonly string[], from: StartingWeights, preset = "emoji-paper"): Config => {
  const config = resolveConfig(preset, settings, from);
  requireFit(config, from);
  return config;
};

describe("a run that starts from another", () => {
  const path = aRun();
  const from = openStartingWeights(path, never);

  it("has its model, tokenizer and weights, a new optimizer and its own other settings", () => {
    const config = started(["train.batch=64", "optim.lr=1e-4"], from);
    expect(config.model).toEqual(from.model);
    expect(config).toMatchObject({ train: { batch: 64, seed: 0, init: from.sha256.all }, optim: { lr: 1e-4 } });
    const kept = keptTokenizer(config, from);
    expect(kept?.toJSON()).toEqual(tokenizer.toJSON());
    const first = initialCheckpoint(config, from, kept!);
    expect(first.step).toBe(0);
    expect(first.meta).toMatchObject({ updates: 0 });
    expect(sha256OfWeights(weightsOf(first))).toBe(from.sha256.all);
    const state = [...first.tensors].filter(([name]) => name.startsWith("optimizer/"));
    expect(state.length).toBeGreaterThan(50);
    expect(state.every(([, { data }]) => data.every((x) => x === 0))).toBe(true);
  });

  it("takes only the image tower if that is locked; text tower, t′ and b are new", () => {
    const settings = ["train.lock=image", "model.text.width=48", "tokenizer.length=7", "train.batch=32"];
    const config = started(settings, from);
    expect(config).toMatchObject({
      model: { image: { width: 32 }, embedDim: 24, text: { width: 48 }, temperatureInit: 10 },
      tokenizer: { length: 7 },
      train: { init: from.sha256.image },
    });
    expect(keptTokenizer(config, from)).toBeUndefined();
    const first = initialCheckpoint(config, from, byteTokenizer);
    const fresh = parametersOf(buildModel(config, byteTokenizer.vocabSize));
    for (const [name, { data }] of weightsOf(first)) {
      const expected = name.startsWith("image/") ? from.weights.get(name)?.data : fresh.get(name)?.value.data;
      expect([...(data as Float32Array)], name).toEqual([...(expected as Float32Array)]);
    }
    expect([...first.tensors.keys()].some((name) => name.startsWith("optimizer/image/"))).toBe(false);
    expect([...first.tensors.keys()]).toContain("optimizer/text/embedding/m");
  });

  it.each(["pairs", "classes"])("to classify takes the image tower of a run of %s, under a new head", (kind) => {
    const classified = resolveConfig("emoji-paper", [...SMALL, "train.objective=classify"]);
    const start = kind === "pairs" ? from : openStartingWeights(aRun(classified), never);
    const config = started(["train.objective=classify"], start);
    expect(config).toMatchObject({
      model: { image: { width: 32 }, embedDim: 24 },
      train: { init: start.sha256.image },
    });
    expect(keptTokenizer(config, start)).toBeUndefined();
    const first = weightsOf(initialCheckpoint(config, start, byteTokenizer, 9));
    expect(sha256OfWeights(first, "image/")).toBe(start.sha256.image);
    const others = [...first].filter(([name]) => !name.startsWith("image/"));
    expect(others.map(([name, { shape }]) => [name, shape])).toEqual([
      ["head/kernel", [24, 9]],
      ["head/bias", [9]],
    ]);
    expect([...(others[0][1].data as Float32Array)].every((x) => x === 0)).toBe(true);
    expect(() => started(["train.objective=classify", "model.image.width=64"], start)).toThrow(/has 32, not 64/);
  });

  it("crops drawings as the other run did, whether all weights or only the image tower are taken", () => {
    const whole = openStartingWeights(aRun(resolveConfig("emoji-paper", [...SMALL, "data.trim=never"])), never);
    for (const lock of ["none", "image"]) {
      const settings = [`train.lock=${lock}`];
      expect(started(settings, whole, "emoji-siglit").data.trim).toBe("never");
      expect(started(settings, from, "emoji-siglit").data.trim).toBe("content");
      expect(() => started([...settings, "data.trim=content"], whole)).toThrow(
        /data\.trim: --init .* has "never", not "content"/,
      );
    }
  });

  it("has a digest that depends on the weights", () => {
    const other = openStartingWeights(aRun(resolveConfig("emoji-paper", SMALL)), never);
    for (const lock of ["none", "image"]) {
      const [a, b] = [from, other].map((each) => started([`train.lock=${lock}`], each));
      expect(configDigest(a)).not.toBe(configDigest(b));
      expect(configDigest(a)).not.toBe(configDigest(resolveConfig("emoji-paper", SMALL)));
    }
  });

  it.each([
    ["a width", ["model.image.width=64"], /model\.image\.width: --init .* has 32, not 64 \(image\/patchEmbed\/\S+ is \[192, 32\] there, not \[192, 64\].* more\)/],
    ["a depth", ["model.text.depth=2"], /model\.text\.depth: .* has 1, not 2 \(text\/encoder\/blocks\/1\/\S+ \[16\] is missing there/],
    ["a number of heads, which changes no shape", ["model.image.numHeads=2"], /model\.image\.numHeads: --init .* has 4, not 2; leave/],
    ["a pooling", ["model.image.pooling=mean"], /image\/mapHead\/\S+ \[.*\] is missing here/],
    ["a length of texts", ["tokenizer.length=12"], /text\/posEmbedding is \[10, 16\] there, not \[12, 16\]/],
    ["a locked tower of another width", ["train.lock=image", "model.image.width=64"], /image\.width.* has 32, not 64/],
    ["embeddings of another width", ["train.lock=image", "model.embedDim=32"], /embedDim.* has 24, not 32 \(.*image\/head\/kernel \[32, 24\] is missing here/],
  ])("refuses %s that contradicts the weights, by name and shape", (_, settings, says) => {
    expect(() => started(settings, from)).toThrow(ConfigError);
    expect(() => started(settings, from)).toThrow(says);
  }); // biome-ignore format: a case a line

  it("says nothing about settings that repeat the model", () => {
    expect(started(SMALL, from)).toEqual(started([], from));
  });
});

describe("a run that starts from a saved model", () => {
  const config = resolveConfig("emoji-paper", SMALL);
  const model = buildModel(config, tokenizer.vocabSize);
  const saved = (dtype: "f32" | "f64", withTokenizer: boolean): string => {
    const path = newPath();
    const one = dtype === "f32" ? model : new SigLip(new Rng(0), model.config, "f64");
    saveModel(one, path, "siglip-ts", withTokenizer ? { tokenizer } : {});
    return path;
  };

  it("has the weights, the model and the hash that it would have from the run", () => {
    const [fromModel, fromRun] = [saved("f32", true), aRun(config)].map((path) => openStartingWeights(path, never));
    expect(fromModel.sha256).toEqual(fromRun.sha256);
    const first = started([], fromModel);
    expect(first.model).toMatchObject({ image: fromRun.model.image, text: fromRun.model.text });
    const checkpoint = initialCheckpoint(first, fromModel, keptTokenizer(first, fromModel)!);
    expect(sha256OfWeights(weightsOf(checkpoint))).toBe(fromRun.sha256.all);
  });

  it("needs its tokenizer, unless only the image tower is taken", () => {
    const from = openStartingWeights(saved("f32", false), never);
    expect(() => keptTokenizer(started([], from), from)).toThrow(/saved without its tokenizer.*--lock image/);
    const config = started(["train.lock=image"], from);
    expect(initialCheckpoint(config, from, byteTokenizer).step).toBe(0);
  });

  it("crops drawings as it is told to, since a saved model does not say how", () => {
    const from = openStartingWeights(saved("f32", true), never);
    expect(started([], from).data.trim).toBe("content");
    expect(started(["data.trim=never"], from).data.trim).toBe("never");
  });

  it("refuses weights in f64", () => {
    expect(() => openStartingWeights(saved("f64", true), never)).toThrow(/F64.*F32/);
  });
});

describe("what is no start", () => {
  it("a folder without a run, and a run without a checkpoint", () => {
    expect(() => openStartingWeights(folder, never)).toThrow(RunFolderError);
    const path = newPath();
    createRun(path, resolveConfig("emoji-paper", []), new Date(0)).release();
    expect(() => openStartingWeights(path, never)).toThrow(
      /has no checkpoint yet; wait for its first one, or resume it with train --resume --out /,
    );
  });

  it("a checkpoint that is damaged, or that holds NaN", () => {
    const path = aRun();
    writeFileSync(join(path, "checkpoint/000001-step-3.safetensors"), "damaged");
    expect(() => openStartingWeights(path, () => {})).toThrow(/no intact checkpoint/);
    const config = resolveConfig("emoji-paper", SMALL);
    const other = newPath();
    const run = createRun(other, config, new Date(0));
    const model = buildModel(config, tokenizer.vocabSize);
    const optimizer = buildOptimizer(config, model);
    parametersOf(model).get("text/embedding")!.value.data[0] = Number.NaN;
    run.checkpoints.save(checkpointOf(1, model, optimizer, tokenizer), configDigest(config));
    expect(() => openStartingWeights(other, never)).toThrow(/NaN or infinity in model\/text\/embedding/);
  });
});

it("train.init is not a setting", () => {
  expect(() => resolveConfig("emoji-paper", [`train.init=${"0".repeat(64)}`])).toThrow(/written by --init/);
});
