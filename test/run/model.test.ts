import { expect, it } from "vitest";
import { parametersOf } from "../../src/nn/index.ts";
import { alone } from "../../src/parallel/index.ts";
import { modelConfig, resolveConfig } from "../../src/run/config.ts";
import { hasFixedImages } from "../../src/run/dataSets.ts";
import { buildModel, buildOptimizer, lossOf, trainedPaths } from "../../src/run/model.ts";
import { copy, scope, tensor, zeros } from "../../src/tensor/index.ts";

/** Paths of the parameters that decay in a step without gradient. */
function decaying(settings: readonly string[]): { decayed: string[]; kept: string[] } {
  return scope(() => {
    const config = resolveConfig("emoji-paper", ["optim.weightDecay=0.5", ...settings]);
    const model = buildModel(config, 300);
    const optimizer = buildOptimizer(config, model);
    const parameters = [...parametersOf(model)];
    const before = parameters.map(([, { value }]) => copy(value));
    for (const [, parameter] of parameters) parameter.grad = zeros(parameter.shape);
    optimizer.step(1);
    const decayed = parameters.filter(([, { value }], i) => value.data.some((x, k) => x !== before[i].data[k]));
    const paths = decayed.map(([path]) => path);
    return { decayed: paths, kept: parameters.map(([path]) => path).filter((path) => !paths.includes(path)) };
  });
}

it.each(["adamw", "adafactor", "lion", "adam", "sgd", "muon"])("optim.name=%s trains with that optimizer", (name) => {
  const config = resolveConfig("emoji-paper", [`optim.name=${name}`]);
  expect(buildOptimizer(config, buildModel(config, 300)).name.toLowerCase()).toBe(name);
});

it("model.outputInit=zero starts the output projections of both encoders at zero", () => {
  const zeros = (settings: string[]): string[] =>
    [...parametersOf(buildModel(resolveConfig("emoji-paper", settings), 300))].flatMap(([path, { value }]) =>
      path.endsWith("/kernel") && value.data.every((x) => x === 0) ? [path] : [],
    );
  expect(zeros([])).toEqual([]);
  // three blocks of the image tower, one of the text tower, each with two outputs
  expect(zeros(["model.outputInit=zero"])).toHaveLength(8);
});

it.each([
  ["lion", "eps"],
  ["adafactor", "eps"],
  ["sgd", "beta2"],
  ["adamw", "matrixLr"],
])("optim.name=%s with optim.%s is refused, since the key has no effect", (name, key) => {
  const settings = [`optim.name=${name}`, `optim.${key}=0.5`];
  expect(() => resolveConfig("emoji-paper", settings)).toThrow(
    `config: optim.${key} 0.5 has no effect: optim.name ${name} does not read it; leave it out`,
  );
});

it("the keys of loss choose its form", () => {
  const nameOf = (settings: string[]): string => lossOf(resolveConfig("emoji-paper", settings)).name;
  expect(nameOf([])).toBe("fused");
  expect(nameOf(["train.loss=softmax"])).toBe("softmax");
  expect(nameOf(["loss.negatives=hard", "loss.ratio=0.1"])).toBe("fused, hard negatives 0.1");
  expect(nameOf(["loss.negatives=random", "loss.ratio=0.5", "loss.views=texts"])).toBe(
    "fused, random negatives 0.5, two views with texts",
  );
});

it("b starts at the log-odds of a match among the pairs that count", () => {
  const biasOf = (...settings: string[]) =>
    modelConfig(resolveConfig("emoji-paper", ["train.batch=34", ...settings]), 300).biasInit;
  expect(biasOf()).toBeCloseTo(-Math.log(33), 12);
  expect(biasOf("loss.negatives=hard", "loss.ratio=0.25")).toBeCloseTo(-Math.log(33 / 4), 12);
  expect(biasOf("loss.negatives=hard", "loss.ratio=0.25", "model.biasInit=-10")).toBe(-10);
});

it.each([
  ["mask", 0],
  ["negative", -1],
  ["positive", 1],
])("loss.sameName=%s is what the loss makes of equal texts", (sameName, label) => {
  const form = lossOf(resolveConfig("emoji-paper", [`loss.sameName=${sameName}`]));
  scope(() => {
    const z = tensor([1, 1], [2, 1], "f64");
    const { db } = form.gradients({ zimg: z, ztxt: z, tPrime: 0, b: -1, comm: alone, shards: 1, groups: Int32Array.of(5, 5) }); // biome-ignore format: a line
    // Logits of 0: G is −½ of a positive and ½ of a negative, and two of the four pairs match.
    expect(db).toBeCloseTo((-1 - label) / 2, 12);
  });
});

it("label noise of images makes them other ones in every step, so that a locked tower must run", () => {
  const fixed = ["data.augment=none", "data.strokeProbability=0"];
  const of = (noise: string): boolean =>
    hasFixedImages(resolveConfig("emoji-paper", [...fixed, `data.noise=${noise}`]));
  expect(["none", "text", "alignment", "image", "image-text", "all"].map(of)).toEqual([true, true, true, false, false, false]); // biome-ignore format: a line
});

it("optim.frozen leaves every bit of a parameter as it was drawn", () => {
  scope(() => {
    const config = resolveConfig("emoji-paper", ['optim.frozen=["image/.*","b"]']);
    const model = buildModel(config, 300);
    const optimizer = buildOptimizer(config, model);
    for (const [path, parameter] of parametersOf(model)) {
      expect(optimizer.updates(parameter)).toBe(!/^(image\/.*|b)$/.test(path));
    }
  });
});

it("optim.decayed matrices decays every parameter of two axes or more, and no other", () => {
  const { decayed, kept } = decaying([]);
  const axes = new Map(
    [...parametersOf(buildModel(resolveConfig("emoji-paper", []), 300))].map(([k, v]) => [k, v.shape.length]),
  );
  expect(decayed.every((path) => axes.get(path)! >= 2)).toBe(true);
  expect(kept.filter((path) => axes.get(path)! >= 2)).toEqual([]);
  expect(decayed).toContain("text/embedding");
});

it("a multiplier with decay 0 leaves exactly the weights that it matches undecayed, as for a pre-trained tower", () => {
  const tower = { match: "image/.*", lr: 0.1, decay: 0 };
  const { decayed } = decaying([`optim.multipliers=${JSON.stringify([tower])}`]);
  expect(decayed).toEqual(decaying([]).decayed.filter((path) => !path.startsWith("image/")));
  expect(decayed.length).toBeGreaterThan(5);
});

it("a locked image tower is neither decayed nor trained", () => {
  const paths = trainedPaths(resolveConfig("emoji-paper", ["train.lock=image"]));
  expect(paths).toEqual(trainedPaths(resolveConfig("emoji-paper", [])).filter((path) => !path.startsWith("image/")));
  expect(paths).toEqual(expect.arrayContaining(["text/embedding", "tPrime", "b"]));
});

it("optim.decayed kernels leaves embeddings and the probe alone, as big_vision does", () => {
  const { decayed } = decaying(["optim.decayed=kernels"]);
  expect(decayed.length).toBeGreaterThan(10);
  expect(decayed.filter((path) => !path.endsWith("/kernel"))).toEqual([]);
});
