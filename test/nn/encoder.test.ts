import { describe, expect, it } from "vitest";
import { backward, constant } from "../../src/autograd/index.ts";
import { Encoder, parametersOf, trainedParameters } from "../../src/nn/index.ts";
import { type DType, Rng, scope, useKernels } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { kernelSets } from "../support/kernelSets.ts";
import { normals } from "../support/tensors.ts";

const CONFIG = { width: 16, depth: 2, mlpDim: 24, numHeads: 2 };

const SETS = [
  ...kernelSets.map(([name, kernels]) => [`f32 by ${name}`, "f32" as DType, kernels] as const),
  ["f64", "f64" as DType, undefined] as const,
];

describe.each(SETS)("an encoder in %s", (_, dtype, kernels) => {
  it("has the same tokens and gradients, bit for bit, whether or not its parts are watched", () => {
    useKernels(kernels);
    const x = normals(1, [3, 5, 16], dtype);
    const g = normals(2, [3, 5, 16], dtype);
    const run = (watched?: string[]) =>
      scope(() => {
        const encoder = new Encoder(new Rng(0), CONFIG, dtype);
        const y = encoder.forward(constant(x), watched && ((name) => void watched.push(name)));
        const tokens = y.value.toArray();
        backward(y, g);
        return [tokens, ...[...parametersOf(encoder).values()].map(({ grad }) => grad?.toArray() ?? [])];
      });
    const names: string[] = [];
    const watched = run(names);
    run().forEach((numbers, i) => void expectSameBits(numbers, watched[i]));
    expect(names).toContain("block1/mlp");
    useKernels(undefined);
  });
});

describe("trainedParameters", () => {
  it("are the parameters that are not frozen, in the order of their paths", () => {
    const encoder = new Encoder(new Rng(0), CONFIG, "f32");
    const all = parametersOf(encoder);
    expect(trainedParameters(encoder)).toEqual([...all.values()]);
    for (const [path, parameter] of all) parameter.requiresGrad = path.includes("mlp");
    expect(trainedParameters(encoder)).toEqual([...all].filter(([path]) => path.includes("mlp")).map(([, p]) => p));
  });
});
