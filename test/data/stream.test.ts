import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type BatchStream,
  type BatchStreamOptions,
  byteTokenizer,
  openBatchStream,
  openPairs,
  type PairsSpec,
} from "../../src/data/index.ts";

vi.setConfig({ testTimeout: 30000 }); // starting threads takes long on a busy machine

const spec: PairsSpec = { data: "shapes", tokenizer: byteTokenizer.toJSON(), length: 64, side: 16 };

let stream: BatchStream | undefined;
const open = async (options: Partial<BatchStreamOptions> = {}, what = spec) => {
  stream = await openBatchStream(what, { seed: 3, batch: 8, ...options });
  return stream;
};
afterEach(async () => {
  await stream?.close();
  stream = undefined;
});

const expectStep = async (from: BatchStream, step: number) => {
  const direct = (await openPairs(spec)).batch(3, step, 8);
  const streamed = await from.next(step);
  expect(streamed.items).toEqual(direct.items);
  expect(streamed.tokens).toEqual(direct.tokens);
  expect(Buffer.from(streamed.pixels.slice().buffer).equals(Buffer.from(direct.pixels.buffer))).toBe(true);
};

describe("openBatchStream", () => {
  it("gives the bits of pairs.batch, step after step", async () => {
    const batches = await open();
    expect([batches.size, batches.side, batches.length]).toEqual([12800, 16, 64]);
    for (let step = 0; step < 6; step++) await expectStep(batches, step);
  });

  it.each([1, 4])("gives the same bits with %i slots and steps that jump", async (slots) => {
    const batches = await open({ slots });
    for (const step of [40, 41, 7, 8, 8, 100, 42]) await expectStep(batches, step);
  });

  it("keeps a batch as it is until the next call", async () => {
    const batches = await open();
    const batch = await batches.next(0);
    const copy = batch.pixels.slice();
    await new Promise((resolve) => setTimeout(resolve, 50)); // time for the worker to overrun, if it could
    expect(batch.pixels).toEqual(copy);
  });

  it("rejects with the worker's error when it cannot start", async () => {
    await expect(open({ batch: 20000 })).rejects.toMatchObject({
      name: "BatchStreamError",
      message: expect.stringContaining("20000 rows cannot show 12800 distinct items"),
      cause: expect.any(Error),
    });
  });

  it("rejects next() with the cause when the worker throws, then and later", async () => {
    const batches = await open();
    await expect(batches.next(-1)).rejects.toThrow("step -1 must be an integer of at least 0");
    await expect(batches.next(0)).rejects.toThrow("step -1");
  });

  it("rejects what waits, and what comes, after close", async () => {
    const batches = await open();
    const waiting = batches.next(3);
    const closed = batches.close();
    await expect(waiting).rejects.toThrow("the stream is closed");
    await closed;
    await expect(batches.next(4)).rejects.toThrow("the stream is closed");
  });

  it("refuses a second next() before the first is answered", async () => {
    const batches = await open();
    const first = batches.next(0);
    await expect(batches.next(1)).rejects.toThrow("next(1) while next(0) is not answered");
    await first;
  });
});
