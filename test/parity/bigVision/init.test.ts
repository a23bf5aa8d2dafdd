/** The law that every parameter is drawn from, against big_vision's initialisers. */
import { describe, expect, it } from "vitest";
import { parametersOf } from "../../../src/nn/index.ts";
import { SigLip } from "../../../src/siglip/index.ts";
import { Rng, type Tensor } from "../../../src/tensor/index.ts";
import { partOf, placeOf } from "../../support/bigVisionNames.ts";
import { goldenJson } from "../../support/goldens.ts";

interface Law {
  readonly law: "normal" | "uniform" | "truncated normal" | "constant";
  readonly std: number;
  readonly value?: number;
  readonly bound?: number;
  readonly cut?: number;
}

const { parameters } = goldenJson<{ parameters: Record<string, Law & { readonly shape: number[] }> }>(
  "big_vision/init",
);

/** Sizes that a law depends on. */
interface Sizes {
  readonly width: number;
  readonly mlpDim: number;
  readonly patchSize: number;
}

const TRUNCATED_STD = 0.87962566103423978; // of a standard normal cut at ±2

/** The law of a parameter at any size; at B/16 it must be the one in the file. */
function lawOf(name: string, { width, mlpDim, patchSize }: Sizes): Law {
  const constant = (value: number): Law => ({ law: "constant", value, std: 0 });
  const normal = (std: number): Law => ({ law: "normal", std });
  const xavier = (fanIn: number, fanOut: number): Law => {
    const bound = Math.sqrt(6 / (fanIn + fanOut));
    return { law: "uniform", bound, std: bound / Math.sqrt(3) };
  };
  const leCun = (fanIn: number): Law => {
    const std = Math.sqrt(1 / fanIn);
    return { law: "truncated normal", std, cut: (2 * std) / TRUNCATED_STD };
  };
  if (name === "t") return constant(Math.log(10));
  if (name === "b") return constant(-10);
  if (name.endsWith("/scale")) return constant(1);
  if (/MlpBlock_0\/Dense_\d\/bias$/.test(name)) return normal(1e-6);
  if (name.endsWith("/bias")) return constant(0);
  if (name.includes("/MlpBlock_0/")) return xavier(width, mlpDim);
  if (name.includes("/MultiHeadDotProductAttention_0/")) return xavier(width, width);
  if (name.endsWith("/probe")) return xavier(1, width);
  if (name === "img/embedding/kernel") return leCun(3 * patchSize ** 2);
  if (name === "txt/head/kernel") return leCun(width);
  return normal(1 / Math.sqrt(width)); // positions and the token table
}

it("the laws below are big_vision's for all 412 parameters of B/16", () => {
  expect(Object.keys(parameters).length).toBe(412);
  for (const [name, { shape, ...law }] of Object.entries(parameters)) {
    const ours = lawOf(name, { width: 768, mlpDim: 3072, patchSize: 16 });
    expect(ours.law, name).toBe(law.law);
    for (const field of ["std", "value", "bound", "cut"] as const) {
      if (law[field] === undefined) expect(ours[field], `${name} ${field}`).toBeUndefined();
      else expect(ours[field], `${name} ${field}`).toBeCloseTo(law[field], 12);
    }
    expect(shape.length).toBeGreaterThan(0);
  }
});

describe("a model draws every parameter by its law:", () => {
  const sizes = { width: 96, mlpDim: 320, patchSize: 8 }; // fans that differ from each other: none can stand for another
  const { width, mlpDim, patchSize } = sizes;
  const tower = { width, depth: 1, mlpDim, numHeads: 3 };
  const model = new SigLip(new Rng(11), {
    image: { ...tower, imageSize: 64, patchSize, pooling: "map", posEmb: "learn" },
    text: { ...tower, vocabSize: 500, length: 24, pooling: "last" },
    embedDim: width,
    temperatureInit: 10,
    biasInit: -10,
  });
  const ours = parametersOf(model);
  const names = Object.keys(parameters).filter((name) => !/encoderblock_([1-9])/.test(name));

  it.each(names)("%s", (name) => {
    const { path, parts } = placeOf(name);
    const whole = ours.get(path)?.value as Tensor;
    const columns = (whole.shape.at(-1) ?? 1) / parts;
    const data = Array.from(
      partOf(whole, name, parts === 1 ? whole.shape : [...whole.shape.slice(0, -1), columns]).data,
    );
    const law = lawOf(name, sizes);
    if (law.law === "constant") {
      for (const x of data) expect(x).toBe(Math.fround(law.value as number));
      return;
    }
    const n = data.length;
    const mean = data.reduce((sum, x) => sum + x, 0) / n;
    const std = Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
    const largest = Math.max(...data.map(Math.abs));
    expect(Math.abs(mean)).toBeLessThan((5 * law.std) / Math.sqrt(n));
    expect(Math.abs(std / law.std - 1)).toBeLessThan(5 / Math.sqrt(2 * n));
    const end = law.bound ?? law.cut;
    if (end !== undefined) {
      expect(largest).toBeLessThanOrEqual(end * (1 + 2 ** -23));
      expect(largest).toBeGreaterThan(end * (1 - 30 / n)); // and comes near it: the shape, not the size alone
    } else {
      // The largest of n normal numbers: beyond a cut at 2σ, and not far out.
      expect(largest).toBeGreaterThan((n > 60 ? 2 : 1) * law.std);
      expect(largest).toBeLessThan(6 * law.std);
    }
  });

  it("no parameter is without a law", () => {
    expect(new Set(names.map((name) => placeOf(name).path))).toEqual(new Set(ours.keys()));
  });
});
