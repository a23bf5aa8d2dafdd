/** A text tower that is read when a text needs it: `loadTower(path, "text", { onDemand: true })`. */
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "../../src/formats/index.ts";
import { loadTower } from "../../src/models/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { type DType, heap, scope } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const TABLE = "text_model.embeddings.token_embedding.weight";

const embed = ({ tower }: Pick<ReturnType<typeof loadText>, "tower">, ids: Int32Array) =>
  scope(() => noGrad(() => tower.forward(ids)).value.toArray());
const loadText = (path: string, onDemand: boolean, dtype: DType = "f32") =>
  loadTower(path, "text", { onDemand, dtype });

/** A copy of a model of Hugging Face, with its tensors changed. */
function changed(change: (tensors: Map<string, SafetensorsTensor>) => void): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(released("hf/tiny"), folder, { recursive: true });
  const file = join(folder, "model.safetensors");
  const { tensors } = readSafetensors(readFileSync(file), file);
  change(tensors);
  writeFileSync(file, writeSafetensors(tensors));
  return folder;
}

/** The table of `hf/tiny` in F16: its bits are any. */
const inF16 = () =>
  changed((tensors) => {
    const { shape, data } = tensors.get(TABLE)!;
    tensors.set(TABLE, {
      dtype: "F16",
      shape,
      data: Uint16Array.from({ length: data.length }, (_, i) => (i * 7) % 0x7c00),
    });
  });

describe("a text tower on demand", () => {
  it.each([
    ["F32", () => released("hf/tiny")],
    ["BF16", () => released("hf/tiny_bf16")],
    ["F16", inF16],
    ["shards", () => released("hf/tiny_sharded")],
    ["open_clip", () => released("torch/open_clip/v1")],
    ["npz, which is read whole", () => released("big_vision/ckpt_scan_both.npz")],
  ])("gives any texts the embeddings of the whole tower, to the bit: %s", (_, path) => {
    const folder = path();
    for (const dtype of ["f32", "f64"] as const) {
      const [whole, later] = [loadText(folder, false, dtype), loadText(folder, true, dtype)];
      const { length, vocabSize } = whole.config.text;
      const ids = fc.array(fc.nat(vocabSize - 1), { minLength: 2 * length, maxLength: 2 * length });
      fc.assert(
        fc.property(ids, (drawn) => {
          expectSameBits(embed(later, Int32Array.from(drawn)), embed(whole, Int32Array.from(drawn)));
        }),
        { numRuns: 10 },
      );
    }
  });

  it("reads no other rows of the token table than those of the text", () => {
    const folder = changed((tensors) => {
      const { data, shape } = tensors.get(TABLE)!;
      data.fill(Number.NaN as never, 2 * shape[1]);
    });
    expect(loadText(folder, false).nonFinite).toBeGreaterThan(0);
    const loaded = loadText(folder, true);
    expect(loaded.nonFinite).toBe(0);
    const { length } = loaded.config.text;
    const ids = (id: number) => new Int32Array(length).fill(id);
    expect(embed(loaded, ids(1)).every(Number.isFinite)).toBe(true);
    expect(embed(loaded, ids(2)).every(Number.isNaN)).toBe(true);
  });

  it("keeps neither the table nor the blocks: memory does not grow with texts", () => {
    const loaded = loadText(released("hf/tiny"), true);
    const names = [...parametersOf(loaded.tower).keys()];
    expect(names).toEqual(["posEmbedding", "encoder/norm/scale", "encoder/norm/bias", "head/kernel", "head/bias"]);
    const ids = new Int32Array(loaded.config.text.length);
    embed(loaded, ids);
    const before = heap.liveBytes;
    for (let i = 0; i < 5; i++) embed(loaded, ids);
    expect(heap.liveBytes).toBe(before);
  });

  it("refuses an id outside the table", () => {
    const loaded = loadText(released("hf/tiny"), true);
    const { length, vocabSize } = loaded.config.text;
    for (const id of [-1, vocabSize]) {
      const message = `text tower: entry ${length - 1} is row ${id}, but the table has rows 0..${vocabSize - 1}`;
      expect(() => embed(loaded, new Int32Array(length).fill(id, -1))).toThrow(message);
    }
  });

  it("refuses a block that lacks a tensor when it is loaded", () => {
    const name = "text_model.encoder.layers.1.mlp.fc2.weight";
    expect(() =>
      loadText(
        changed((tensors) => tensors.delete(name)),
        true,
      ),
    ).toThrow(`"${name}" [32,80] is missing`);
  });

  it.each<[string, (tensors: Map<string, SafetensorsTensor>) => void, string]>([
    ["missing", (tensors) => tensors.delete(TABLE), "is missing"],
    [
      "of another shape",
      (tensors) => tensors.set(TABLE, { dtype: "F32", shape: [7, 32], data: new Float32Array(7 * 32) }),
      "is [7,32], not [",
    ],
    [
      "of integers",
      (tensors) => tensors.set(TABLE, { ...tensors.get(TABLE)!, dtype: "I32", data: new Int32Array(140 * 32) }),
      "is I32, not floating-point",
    ],
  ])("refuses a table that is %s when it is loaded", (_, change, message) => {
    expect(() => loadText(changed(change), true)).toThrow(message);
  });

  it("names a file that became shorter when a text needs a row of it", () => {
    const folder = changed(() => {});
    const loaded = loadText(folder, true);
    truncateSync(join(folder, "model.safetensors"), 100);
    expect(() => embed(loaded, new Int32Array(loaded.config.text.length))).toThrow(/the file became shorter/);
  });
});
