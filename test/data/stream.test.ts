import { afterEach, describe, expect, it, vi } from "vitest";
import {
  BatchReader,
  type BatchStream,
  type BatchStreamOptions,
  byteTokenizer,
  openBatchStream,
  openPairs,
  type PairsSpec,
} from "../../src/data/index.ts";

vi.setConfig({ testTimeout: 30000 }); // starting threads takes long on a busy machine

const spec: PairsSpec = { data: "shapes", tokenizer: byteTokenizer.toJSON(), length: 64, side: 16 };
const pairs = await openPairs(spec);

let stream: BatchStream | undefined;
const open = async (options: Partial<BatchStreamOptions> = {}) => {
  stream = await openBatchStream(spec, { seed: 3, batch: 8, ...options });
  return stream;
};
afterEach(async () => {
  await stream?.close();
  stream = undefined;
});

const expectStep = (reader: BatchReader, step: number) => {
  const direct = pairs.batch(3, step, 8);
  const taken = reader.take(step);
  expect(taken.items).toEqual(direct.items);
  expect(taken.tokens).toEqual(direct.tokens);
  expect(Buffer.from(taken.pixels.slice().buffer).equals(Buffer.from(direct.pixels.buffer))).toBe(true);
};

describe("openBatchStream", () => {
  it.each([1, 2, 3])("gives the bits of pairs.batch, step by step, in %i slots", async (slots) => {
    const reader = new BatchReader((await open({ slots })).slots, 0);
    for (let step = 0; step < 7; step++) expectStep(reader, step);
  });

  it("begins where a run is resumed, and may skip steps", async () => {
    const reader = new BatchReader((await open({ first: 40 })).slots, 0);
    for (const step of [40, 41, 45, 46]) expectStep(reader, step);
  });

  it("gives every reader every batch, and overwrites none before all readers have passed it", async () => {
    const { slots } = await open({ readers: 2, slots: 2 });
    const [quick, slow] = [new BatchReader(slots, 0), new BatchReader(slots, 1)];
    expectStep(slow, 0);
    const held = slow.take(0).pixels.slice();
    expectStep(quick, 0);
    expectStep(quick, 1);
    await new Promise((resolve) => setTimeout(resolve, 50)); // time for the writer to overrun, if it could
    expect(slow.take(0).pixels).toEqual(held);
    expect(() =>
      quick.take(2, () => {
        throw new Error("still waiting");
      }),
    ).toThrow("still waiting");
    for (const step of [1, 2, 3]) {
      expectStep(slow, step);
      expectStep(quick, step);
    }
  });

  it("rejects with the worker's error if it cannot start", async () => {
    await expect(open({ batch: 20000 })).rejects.toMatchObject({
      name: "BatchStreamError",
      message: expect.stringContaining("20000 rows cannot show 12800 distinct items"),
      cause: expect.any(Error),
    });
  });

  it("reports a later failure of the worker", async () => {
    // It fails at its first batch, right after it has allocated its slots: the stream may not be open yet.
    const failed = open({ first: -1 }).then((batches) => batches.failed);
    await expect(failed).rejects.toThrow("step -1 must be an integer of at least 0");
  });

  it("ends its thread silently when it is closed", async () => {
    const batches = await open();
    await batches.close();
    const outcome = Promise.race([batches.failed, new Promise((resolve) => setTimeout(resolve, 50, "silent"))]);
    expect(await outcome).toBe("silent");
  });
});
