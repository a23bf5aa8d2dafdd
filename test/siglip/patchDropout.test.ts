/** Patch dropout in training: which patches a tower sees, and that devices, shards and recomputation change no bit. */
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { ModelConfigError, type PairBatch, type SigLip, trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { Rng, scope, tensor } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { imageShape, TINY, tinyBatch, tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

const BATCH = 16;
const config = (patchDropout: number) => ({ ...TINY, image: { ...TINY.image, patchSize: 2, patchDropout } }); // 16 patches
const numbersOf = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => Array.from(value.toArray()));

interface Cut {
  readonly comm?: Communicator;
  readonly shards?: number;
  readonly activationBytes?: number;
}

/** Losses and weights of some steps; this device takes its rows of every batch. */
function trained(patchDropout: number, { comm = alone, ...cut }: Cut = {}, seed = 0, steps = 3): number[] {
  const model = tinyModel("f32", config(patchDropout));
  const optimizer = tinyOptimizer(model);
  const own = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((comm.rank * all.length) / comm.size, ((comm.rank + 1) * all.length) / comm.size) as A;
  const losses = Array.from({ length: steps }, (_, step) => {
    const { images, tokens } = tinyBatch(BATCH, step);
    const batch: PairBatch = {
      images: own(images),
      tokens: own(tokens),
      imageShape: imageShape(BATCH / comm.size),
      rng: new Rng(seed).split(step),
    };
    return trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 1, { comm, ...cut }).loss;
  });
  return [...losses, ...numbersOf(model)];
}

describe("training with patch dropout", () => {
  it("gives the same bits on 1, 2, 4 and 8 devices, and if activations are recomputed", () => {
    const expected = trained(0.5, { shards: 8 });
    expectSameBits(trained(0.5, { shards: 8, activationBytes: 0 }), expected, "recomputed");
    for (const size of [2, 4, 8]) {
      for (const numbers of lockstep(size, (comm) => trained(0.5, { comm, shards: 8 }))) {
        expectSameBits(numbers, expected, `on ${size} devices`);
      }
    }
  });

  it("draws other patches for another seed and in another step", () => {
    expect(trained(0.5, {}, 1)).not.toEqual(trained(0.5, {}, 0));
    const model = tinyModel("f32", config(0.5));
    const optimizer = tinyOptimizer(model);
    const losses = [0, 1, 2].map((step) => {
      const batch = { ...tinyBatch(BATCH), rng: new Rng(0).split(step) };
      return trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 0).loss; // nothing is updated
    });
    expect(new Set(losses).size).toBe(3);
  });

  it("has the loss of training without it where its share is less than half a patch", () => {
    expect(trained(0.03, {}, 0, 1)[0]).toBe(trained(0, {}, 0, 1)[0]);
  });

  it("needs random numbers, and says how to get them; without patch dropout none are needed", () => {
    const step = (patchDropout: number) => {
      const model = tinyModel("f32", config(patchDropout));
      return () =>
        trainStep({ model, optimizer: tinyOptimizer(model), loss: trainingLosses.sigmoid }, tinyBatch(BATCH), 1);
    };
    expect(step(0.5)).toThrow(ModelConfigError);
    expect(step(0.5)).toThrow("add those of its step: { ...batch, rng: new Rng(seed).split(step) }");
    expect(step(0)).not.toThrow();
  });
});

describe("an image tower with patch dropout", () => {
  const embed = (patchDropout: number, pixels: Float32Array, kept?: Int32Array) =>
    scope(() =>
      noGrad(() =>
        tinyModel("f32", config(patchDropout)).embedImages(tensor(pixels, imageShape(1)), kept),
      ).value.toArray(),
    );
  const { images: pixels } = tinyBatch(1);

  it("sees all patches in evaluation", () => {
    expectSameBits(embed(0.9, pixels), embed(0, pixels));
  });

  it("sees in training the patches that an image keeps, each with its own position, and no other", () => {
    const kept = Int32Array.of(1, 6, 15);
    const before = embed(0.8, pixels, kept);
    for (let patch = 0; patch < 16; patch++) {
      const [row, col] = [Math.floor(patch / 4), patch % 4];
      const changed = pixels.with((2 * row * 8 + 2 * col) * 3, 7); // its first pixel
      const after = embed(0.8, changed, kept);
      if (kept.includes(patch)) expect(after, `patch ${patch}`).not.toEqual(before);
      else expectSameBits(after, before, `patch ${patch}`);
    }
    // The same pixels at other positions: the four patches of a row are made equal.
    const equal = new Float32Array(pixels.length).fill(0.3);
    expect(embed(0.8, equal, Int32Array.of(0, 1, 2))).not.toEqual(embed(0.8, equal, Int32Array.of(0, 1, 3)));
  });
});
