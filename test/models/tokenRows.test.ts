/** A text tower whose token table is read by rows: `loadTower(path, "text", { tokens: "rows" })`. */
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "../../src/formats/index.ts";
import { loadTower } from "../../src/models/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { type DType, scope } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const TABLE = "text_model.embeddings.token_embedding.weight";

const embed = ({ tower }: Pick<ReturnType<typeof loadText>, "tower">, ids: Int32Array) =>
  scope(() => noGrad(() => tower.forward(ids)).value.toArray());
const loadText = (path: string, tokens: "rows" | "table", dtype: DType = "f32") =>
  loadTower(path, "text", { tokens, dtype });

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

describe("with the token table read by rows,", () => {
  it.each([
    ["F32", () => released("hf/tiny")],
    ["BF16", () => released("hf/tiny_bf16")],
    ["F16", inF16],
    ["shards", () => released("hf/tiny_sharded")],
    ["open_clip", () => released("torch/open_clip/v1")],
    ["npz, which is read whole", () => released("big_vision/ckpt_scan_both.npz")],
  ])("any texts have the embeddings of the whole table, to the bit: %s", (_, path) => {
    const folder = path();
    for (const dtype of ["f32", "f64"] as const) {
      const [table, rows] = [loadText(folder, "table", dtype), loadText(folder, "rows", dtype)];
      const { length, vocabSize } = table.config.text;
      const ids = fc.array(fc.nat(vocabSize - 1), { minLength: 2 * length, maxLength: 2 * length });
      fc.assert(
        fc.property(ids, (drawn) => {
          expectSameBits(embed(rows, Int32Array.from(drawn)), embed(table, Int32Array.from(drawn)));
        }),
        { numRuns: 10 },
      );
    }
  });

  it("no other row than those of the text is read", () => {
    const folder = changed((tensors) => {
      const { data, shape } = tensors.get(TABLE)!;
      data.fill(Number.NaN as never, 2 * shape[1]);
    });
    expect(loadText(folder, "table").nonFinite).toBeGreaterThan(0);
    const loaded = loadText(folder, "rows");
    expect(loaded.nonFinite).toBe(0);
    const { length } = loaded.config.text;
    const ids = (id: number) => new Int32Array(length).fill(id);
    expect(embed(loaded, ids(1)).every(Number.isFinite)).toBe(true);
    expect(embed(loaded, ids(2)).every(Number.isNaN)).toBe(true);
  });

  it("the table is no parameter, and all others are as with it", () => {
    const paths = (tokens: "rows" | "table") => [...parametersOf(loadText(released("hf/tiny"), tokens).tower).keys()];
    expect(["embedding", ...paths("rows")]).toEqual(paths("table"));
  });

  it("an id outside the table is refused", () => {
    const loaded = loadText(released("hf/tiny"), "rows");
    const { length, vocabSize } = loaded.config.text;
    for (const id of [-1, vocabSize]) {
      const message = `text tower: entry ${length - 1} is row ${id}, but the table has rows 0..${vocabSize - 1}`;
      expect(() => embed(loaded, new Int32Array(length).fill(id, -1))).toThrow(message);
    }
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
  ])("a table that is %s is refused when the model is loaded", (_, change, message) => {
    expect(() => loadText(changed(change), "rows")).toThrow(message);
  });

  it("a file that becomes shorter is named when a text needs a row of it", () => {
    const folder = changed(() => {});
    const loaded = loadText(folder, "rows");
    truncateSync(join(folder, "model.safetensors"), 100);
    expect(() => embed(loaded, new Int32Array(loaded.config.text.length))).toThrow(/the file became shorter/);
  });
});
