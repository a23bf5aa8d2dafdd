/** What holds for every optimizer. Formulas: the test of each, and parity/. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parameterWithLayout, type Variable } from "../../../src/autograd/index.ts";
import {
  NonFiniteError,
  type Optimizer,
  OptimizerError,
  type OptimizerOptions,
  type ScheduleFactor,
} from "../../../src/nn/index.ts";
import { heap, Rng, tensor, zeros } from "../../../src/tensor/index.ts";
import { expectSameBits } from "../../support/expect.ts";
import { OPTIMIZERS, type Parameters } from "../../support/optimizers.ts";

/** Parameters of a model: a matrix that factors, fused ones that factor and do not, a vector, a scalar. */
const SHAPES = {
  "a/kernel": { shape: [40, 33] },
  "b/kernel": { shape: [8, 24], layout: { axes: [8, 3, 2, 4], parts: 3 } },
  "c/kernel": { shape: [36, 72], layout: { axes: [36, 2, 1, 36], parts: 2 } },
  "d/kernel": { shape: [33, 40] },
  "a/bias": { shape: [33] },
  "text/embedding": { shape: [50, 32] },
  tPrime: { shape: [] },
} as const;
type Path = keyof typeof SHAPES;
const PATHS = Object.keys(SHAPES) as Path[];

const numbersOf = (seed: number, path: Path): Float32Array => {
  const rng = new Rng(seed).split(path);
  return Float32Array.from({ length: SHAPES[path].shape.reduce((a: number, b) => a * b, 1) }, () => rng.between(-1, 1));
};

const parametersFor = (paths: readonly Path[]): Map<string, Variable> =>
  new Map(
    paths.map((path) => {
      const { shape, ...rest } = SHAPES[path];
      const layout = "layout" in rest ? rest.layout : { axes: shape };
      return [path, parameterWithLayout(tensor(numbersOf(0, path), shape), layout)] as const;
    }),
  );

function stepWith(optimizer: Optimizer, parameters: Parameters, step: number, factor: ScheduleFactor = 1): number {
  for (const [path, parameter] of parameters) {
    parameter.grad = parameter.requiresGrad ? tensor(numbersOf(step + 1, path as Path), parameter.shape) : undefined;
  }
  return optimizer.step(factor);
}

const OPTIONS: OptimizerOptions = {
  lr: 0.01,
  weightDecay: 0.01,
  decayed: ".*/(kernel|embedding)",
  multipliers: [{ match: "tPrime", lr: 3, decay: 0 }],
};
const subset = fc.shuffledSubarray(PATHS, { minLength: 1 });

describe.each(Object.entries(OPTIMIZERS))("%s", (name, make) => {
  /** The numbers of every parameter after three steps. */
  function trained(paths: readonly Path[], options = OPTIONS): Map<Path, number[]> {
    const parameters = parametersFor(paths);
    const optimizer = make(parameters, options);
    for (let step = 0; step < 3; step++) stepWith(optimizer, parameters, step);
    return new Map(paths.map((path) => [path, [...(parameters.get(path) as Variable).value.data]]));
  }
  const all = trained(PATHS);

  it("updates a parameter by its own numbers alone, whichever others there are and in whatever order", () => {
    fc.assert(
      fc.property(subset, (paths) => {
        for (const [path, numbers] of trained(paths)) expectSameBits(numbers, all.get(path) as number[], path);
      }),
      { numRuns: 10 },
    );
  });

  it("is not changed by a limit that the norm does not reach", () => {
    const unclipped = trained(PATHS, { ...OPTIONS, clipNorm: 1e9 });
    for (const path of PATHS) expectSameBits(unclipped.get(path) as number[], all.get(path) as number[], path);
  });

  it("moves every parameter, and decays without its learning rate", () => {
    const still = trained(PATHS, { ...OPTIONS, lr: 0 });
    for (const path of PATHS) {
      const start = [...numbersOf(0, path)];
      expect(all.get(path), path).not.toEqual(start);
      const rests =
        path === "tPrime" || path === "a/bias" || name === "adam" || (name === "muon" && path.endsWith("kernel"));
      if (!rests) expect(still.get(path), path).not.toEqual(start);
    }
  });

  it("takes a factor by path: 0 keeps a parameter, another the step that it would take alone", () => {
    const parameters = parametersFor(PATHS);
    const halved = parametersFor(PATHS);
    const [optimizer, other] = [make(parameters, OPTIONS), make(halved, OPTIONS)];
    stepWith(optimizer, parameters, 0, (path) => (path.startsWith("a/") ? 0 : 0.5));
    stepWith(other, halved, 0, 0.5);
    for (const path of PATHS) {
      const got = (parameters.get(path) as Variable).value.data;
      const want = path.startsWith("a/") ? numbersOf(0, path) : (halved.get(path) as Variable).value.data;
      expectSameBits(got, want, path);
    }
  });

  it("leaves frozen parameters out: no state, no decay, no share in the norm, and every bit as it was", () => {
    const parameters = parametersFor(PATHS);
    const frozen: Path[] = ["c/kernel", "text/embedding"];
    for (const path of frozen) (parameters.get(path) as Variable).requiresGrad = false;
    const optimizer = make(parameters, OPTIONS);
    const rest = PATHS.filter((path) => !frozen.includes(path));
    const others = parametersFor(rest);
    expect(stepWith(optimizer, parameters, 0)).toBe(stepWith(make(others, OPTIONS), others, 0));
    for (const path of frozen) {
      expectSameBits((parameters.get(path) as Variable).value.data, numbersOf(0, path), path);
      expect(optimizer.updates(parameters.get(path) as Variable)).toBe(false);
      expect([...optimizer.state().keys()].filter((key) => key.startsWith(path))).toEqual([]);
    }
    for (const path of rest) {
      expectSameBits((parameters.get(path) as Variable).value.data, (others.get(path) as Variable).value.data, path);
    }
  });

  it("continues from its state, stored as f32, with the same bits", () => {
    const [parameters, resumed] = [parametersFor(PATHS), parametersFor(PATHS)];
    const [optimizer, other] = [make(parameters, OPTIONS), make(resumed, OPTIONS)];
    for (let step = 0; step < 3; step++) stepWith(optimizer, parameters, step);
    for (const [path, { value }] of resumed) value.data.set((parameters.get(path) as Variable).value.data);
    const state = other.state();
    for (const [key, { data }] of optimizer.state()) state.get(key)?.data.set(Float32Array.from(data));
    other.count = optimizer.count;
    for (let step = 3; step < 6; step++) {
      stepWith(optimizer, parameters, step);
      stepWith(other, resumed, step);
    }
    for (const [path, { value }] of resumed) {
      expectSameBits(value.data, (parameters.get(path) as Variable).value.data, path);
    }
  });

  it("keeps parameters without a gradient of their own at rest: zeros only decay", () => {
    const parameters = parametersFor(PATHS);
    const optimizer = make(parameters, { lr: 0.01 });
    for (const parameter of parameters.values()) parameter.grad = zeros(parameter.shape);
    optimizer.step(1);
    for (const [path, { value }] of parameters) expectSameBits(value.data, numbersOf(0, path as Path), path);
  });

  it("frees all memory of a step, and the gradients", () => {
    const parameters = parametersFor(PATHS);
    const optimizer = make(parameters, OPTIONS);
    stepWith(optimizer, parameters, 0);
    const { liveBlocks } = heap;
    stepWith(optimizer, parameters, 1);
    expect(heap.liveBlocks).toBe(liveBlocks);
  });

  it("names itself and what is wrong, and updates nothing", () => {
    const parameters = parametersFor(PATHS);
    const optimizer = make(parameters, OPTIONS);
    expect(() => optimizer.step(1)).toThrow(new RegExp(`^${name}: a/kernel has no gradient`));
    const before = [...optimizer.state().values()].map(({ data }) => [...data]);
    for (const [path, bad] of [["a/bias", Number.NaN], ["tPrime", Number.POSITIVE_INFINITY]] as const) {
      for (const parameter of parameters.values()) parameter.grad = zeros(parameter.shape);
      parameters.get(path)?.grad?.data.fill(bad);
      expect(() => optimizer.step(1)).toThrow(new NonFiniteError(`${name}: the gradient of ${path} is not finite; nothing was updated`));
    } // biome-ignore format: a case a line
    const message = `${name}: schedule factor -1 of b/kernel is not a finite number of at least 0; nothing was updated`;
    expect(() => stepWith(optimizer, parameters, 0, (path) => (path === "b/kernel" ? -1 : 1))).toThrow(
      new OptimizerError(message),
    );
    for (const [path, { value, grad }] of parameters) {
      expectSameBits(value.data, numbersOf(0, path as Path), path);
      expect(grad).toBeUndefined();
    }
    expect([...optimizer.state().values()].map(({ data }) => [...data])).toEqual(before);
    expect(optimizer.count).toBe(0);
  });

  it.each([
    [{ lr: -1 }, /lr -1 is not a finite number/],
    [{ clipNorm: "1" }, /clipNorm 1 is not a number above 0/],
    [{ nosuch: 1 }, /unknown option nosuch; the options are lr, weightDecay/],
    [{ decayed: "(" }, /"\(" is not a valid path pattern/],
    [{ decayed: 3 }, /decayed 3 is not a pattern/],
    [{ multipliers: {} }, /multipliers \[object Object\] is not a list/],
  ])("refuses %j", (options, says) => {
    const build = () => make(parametersFor(["a/bias"]), { ...OPTIONS, ...options } as OptimizerOptions);
    expect(build).toThrow(OptimizerError);
    expect(build).toThrow(says);
  });
});
