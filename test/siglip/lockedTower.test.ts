/** Training with a locked image tower, on pixels or on embeddings that were computed before (SigLiT). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdamW, freeze, parametersOf } from "../../src/nn/index.ts";
import { type PairBatch, type SigLip, type StepMetrics, trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { copy, scope, tensor } from "../../src/tensor/index.ts";
import { imageShape, TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

/** A model whose image tower is locked, with its optimizer. */
function locked(): { model: SigLip; optimizer: AdamW } {
  const model = tinyModel();
  freeze(parametersOf(model), ["image/.*"]);
  return { model, optimizer: new AdamW(parametersOf(model), { lr: 1e-2, weightDecay: 1e-3, clipNorm: 1 }) };
}

/** A batch with the embeddings of its images, computed `rows` at a time, in their place. */
function embedded(model: SigLip, { images, imageShape: [batch], tokens }: PairBatch, rows: number): PairBatch {
  const [each, d] = [images.length / batch, TINY.embedDim];
  const out = new Float32Array(batch * d);
  for (let from = 0; from < batch; from += rows) {
    const end = Math.min(batch, from + rows);
    scope(() => {
      const part = tensor(images.subarray(from * each, end * each), imageShape(end - from));
      out.set(model.embedImages(part).value.data, from * d);
    });
  }
  return { images: out, imageShape: [batch, d], tokens };
}

/** The metrics, with what differs where embeddings are given as in other metrics: the norm of images, and the operations. */
const named = (metrics: StepMetrics, { health: other, flops }: StepMetrics): StepMetrics => {
  const { health } = metrics;
  if (!health || !other) return metrics;
  return {
    ...metrics,
    flops,
    health: { ...health, embeddingNorm: { ...other.embeddingNorm, ...health.embeddingNorm } },
  };
};

const weights = (model: SigLip): number[][] => [...parametersOf(model).values()].map(({ value }) => [...value.data]);
const loss = trainingLosses.sigmoid;

describe("a locked image tower", () => {
  it("and its embeddings train a text tower to the same bits, in any pieces", () => {
    const cuts = fc.record({
      shards: fc.constantFrom(1, 2, 3, 6),
      rows: fc.integer({ min: 1, max: 12 }),
      activationBytes: fc.constantFrom(0, 2 ** 30),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(cuts, ({ shards, rows, activationBytes, seed }) => {
        const [onPixels, onEmbeddings] = [locked(), locked()];
        for (let step = 0; step < 2; step++) {
          const batch = tinyBatch(12, seed + step);
          const given = embedded(onPixels.model, batch, rows);
          const [a, b] = [
            trainStep({ ...onPixels, loss }, batch, 1, { shards, activationBytes, measure: true }),
            trainStep({ ...onEmbeddings, loss }, given, 1, { shards, activationBytes, measure: true }),
          ];
          expect(Object.keys(b.health?.embeddingNorm ?? {})).toEqual(["text"]); // nobody knows the lengths of the others
          expect(b.flops).toBeLessThan(a.flops); // the tower does not run
          expect(named(b, a)).toEqual(a);
        }
        expect(weights(onEmbeddings.model)).toEqual(weights(onPixels.model));
      }),
      { numRuns: 15 },
    );
  });

  it("keeps its weights and has no optimizer state; the text tower, t′ and b are trained", () => {
    const { model, optimizer } = locked();
    const before = new Map([...parametersOf(model)].map(([path, { value }]) => [path, copy(value)]));
    trainStep({ model, optimizer, loss }, tinyBatch(6), 1);
    const changed = [...parametersOf(model)]
      .filter(([path, { value }]) => value.data.some((x, i) => x !== before.get(path)?.data[i]))
      .map(([path]) => path);
    expect(changed.some((path) => path.startsWith("image/"))).toBe(false);
    expect(changed).toEqual(expect.arrayContaining(["text/embedding", "text/head/kernel", "tPrime", "b"]));
    expect([...optimizer.state().keys()].some((path) => path.startsWith("image/"))).toBe(false);
  });
});

describe("a batch of embeddings", () => {
  it("cannot train an image tower", () => {
    const model = tinyModel();
    const batch = embedded(model, tinyBatch(4), 4);
    const optimizer = new AdamW(parametersOf(model), { lr: 1e-2 });
    expect(() => trainStep({ model, optimizer, loss }, batch, 1)).toThrow(/cannot train the image tower.*freeze\(/);
  });

  it("must have the width of the model's embeddings", () => {
    const { model, optimizer } = locked();
    const { tokens } = tinyBatch(4);
    const batch = { images: new Float32Array(4 * 7), imageShape: [4, 7], tokens };
    expect(() => trainStep({ model, optimizer, loss }, batch, 1)).toThrow(/embeddings \[4, 7\].*not rows of 8/);
  });
});
