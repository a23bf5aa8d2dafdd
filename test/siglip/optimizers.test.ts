/** Training with every optimizer: the same bits on any number of devices, after a resume, and on strict kernels. */
import { describe, expect, it } from "vitest";
import { type Optimizer, parametersOf } from "../../src/nn/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { checkpointOf, restore, shared } from "../../src/run/trainingState.ts";
import { type PairBatch, type SigLip, type SigLipConfig, trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { OPTIMIZERS } from "../support/optimizers.ts";
import { OPTIMIZER_WEIGHTS, strictTraining } from "../support/strictTraining.ts";
import { TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const B = 8;
/** Wide enough that second moments are factored, also per head. */
const CONFIG: SigLipConfig = {
  ...TINY,
  image: { ...TINY.image, width: 32, mlpDim: 40, numHeads: 1, depth: 1 },
  text: { ...TINY.text, width: 32, mlpDim: 40, numHeads: 2, depth: 1 },
  embedDim: 32,
};

const numbersOf = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => [...value.data]);

/** This rank's rows of the batch of a step. */
function rows(step: number, rank: number, world: number): PairBatch {
  const { images, tokens } = tinyBatch(B, step);
  const share = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((all.length / world) * rank, (all.length / world) * (rank + 1)) as A;
  return { images: share(images), tokens: share(tokens), imageShape: [B / world, 8, 8, 3] };
}

describe.each(Object.entries(OPTIMIZERS))("%s", (name, make) => {
  const optimizerOf = (model: SigLip): Optimizer =>
    make(parametersOf(model), { lr: 1e-2, weightDecay: 1e-3, clipNorm: 1 });

  // From the same parameters and moments the next step begins, so one step says it of all.
  it("takes a step to the same bits on 1, 2, 4 and 8 devices, also of its moments", () => {
    const trained = (world: number): number[][] =>
      lockstep(world, (comm) => {
        const model = tinyModel("f32", CONFIG);
        const optimizer = optimizerOf(model);
        const batch = rows(0, comm.rank, world);
        trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 1, { comm, shards: 8 });
        const { tensors } = checkpointOf(1, model, optimizer, byteTokenizer);
        return [...tensors.values()].flatMap(({ data }) => Array.from(data, Number));
      });
    const [one] = trained(1);
    for (const world of [2, 4, 8]) for (const each of trained(world)) expectSameBits(each, one);
  });

  it("goes on from a checkpoint with the same bits, and refuses that of another optimizer", () => {
    const [whole, begun, resumed] = [1, 2, 3].map(() => tinyModel("f32", CONFIG));
    const train = (model: SigLip, optimizer: Optimizer, from: number, to: number): void => {
      for (let step = from; step < to; step++) {
        trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, rows(step, 0, 1), 1, { shards: 2 });
      }
    };
    train(whole, optimizerOf(whole), 0, 5);
    const first = optimizerOf(begun);
    train(begun, first, 0, 3);
    const stored = shared(checkpointOf(3, begun, first, byteTokenizer));
    const next = optimizerOf(resumed);
    restore(stored, resumed, next);
    train(resumed, next, 3, 5);
    expectSameBits(numbersOf(resumed), numbersOf(whole));

    const otherName = name === "lion" ? "sgd" : "lion"; // their states have the same names and shapes
    const other = OPTIMIZERS[otherName](parametersOf(resumed), { lr: 1 });
    expect(() => restore(stored, resumed, other)).toThrow(`step 3 was saved by ${name}, not ${otherName}; resume with`);
  });

  it("on strict kernels trains to the same weights on every engine", () => {
    expect(strictTraining({ make, steps: 10 })).toBe(OPTIMIZER_WEIGHTS[name]);
  });
});
