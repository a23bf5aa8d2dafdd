/** Files of image embeddings: what they are checked for, and that a killed computation continues. */
import { beforeAll, describe, expect, it } from "vitest";
import type { ImageList } from "../../src/data/index.ts";
import { FormatError, readSafetensors, type SafetensorsTensor, writeSafetensors } from "../../src/formats/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { resolveConfig } from "../../src/run/config.ts";
import {
  EmbeddingsError,
  type Fingerprint,
  fingerprintOf,
  joinParts,
  missingParts,
  partFile,
  readEmbeddings,
  removeParts,
  writeEmbeddings,
} from "../../src/run/imageEmbeddings.ts";
import { buildModel } from "../../src/run/model.ts";
import { tensorsOf } from "../../src/run/trainingState.ts";
import { Killed, SimulatedFs } from "../support/simulatedFs.ts";

const FILE = "/data/images.safetensors";
const COUNT = 10;
const config = resolveConfig("emoji-paper", ["model.embedDim=8"]);
const model = buildModel(config, 300);
const stored = { tensors: tensorsOf(model) as never };

/** Images whose bytes are their numbers. */
const imagesOf = (numbers: readonly number[]): ImageList => ({
  count: numbers.length,
  side: 1,
  pixels: () => new Float32Array(),
  stored: (image) => Uint8Array.of(numbers[image]),
});
const inOrder = Array.from({ length: COUNT }, (_, i) => i);
const fingerprint = fingerprintOf(config, stored, imagesOf(inOrder));

/** Unit rows, each along another axis. */
const rows = Float32Array.from({ length: COUNT * 8 }, (_, i) => (i % 8 === Math.floor(i / 8) % 8 ? 1 : 0));

function diskWith(change: (tensor: SafetensorsTensor) => SafetensorsTensor = (tensor) => tensor): SimulatedFs {
  const fs = new SimulatedFs(["/data"], 1e6);
  writeEmbeddings(FILE, rows, fingerprint, undefined, fs);
  const { tensors, metadata } = readSafetensors(fs.read(FILE), FILE);
  const changed = new Map([...tensors].map(([name, tensor]) => [name, change(tensor)]));
  replace(fs, writeSafetensors(changed, metadata));
  return fs;
}

function replace(fs: SimulatedFs, bytes: Uint8Array): void {
  const file = fs.open(FILE, "replace");
  fs.write(file, bytes);
  fs.close(file);
}

const read = (fs: SimulatedFs, expected: Fingerprint = fingerprint): Float32Array =>
  readEmbeddings(FILE, expected, undefined, fs);

describe("readEmbeddings", () => {
  it("gives the rows in shared memory", () => {
    const found = read(diskWith());
    expect(found).toEqual(rows);
    expect(found.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each([
    ["of another tower", fingerprintOf(config, { tensors: tensorsOf(buildModel({ ...config, train: { ...config.train, seed: 1 } }, 300)) as never }, imagesOf(inOrder)), /another image tower/],
    ["of a tower with other heads", fingerprintOf(resolveConfig("emoji-paper", ["model.embedDim=8", "model.image.numHeads=2"]), stored, imagesOf(inOrder)), /its tower has other sizes/],
    ["of untrimmed images", fingerprintOf(resolveConfig("emoji-paper", ["model.embedDim=8", "data.trim=never"]), stored, imagesOf(inOrder)), /prepared in another way/],
    ["in another order", fingerprintOf(config, stored, imagesOf([...inOrder].reverse())), /: its images are in another order: compute/],
    ["of other images", fingerprintOf(config, stored, imagesOf(inOrder.map((i) => i + 1))), /: its images are others, or have changed: compute/],
    ["of fewer images than the data has", fingerprintOf(config, stored, imagesOf([...inOrder, 77])), /holds 10 images, and the data has 11/],
  ])("refuses a file %s, and says what differs", (_, expected, says) => {
    expect(() => read(diskWith(), expected)).toThrow(EmbeddingsError);
    expect(() => read(diskWith(), expected)).toThrow(says);
  }); // biome-ignore format: a case a line

  it("names everything that differs at once", () => {
    const other = { ...fingerprint, tower: "x", preprocessing: "y", order: "z" };
    expect(() => read(diskWith(), other)).toThrow(
      /another image tower; .*another way.*; its images are in another order/,
    );
  });

  const changed = (change: (data: Float32Array) => void) => (tensor: SafetensorsTensor) => {
    const data = Float32Array.from(tensor.data as Float32Array);
    change(data);
    return { ...tensor, data };
  };
  it.each([
    ["of F64", ({ shape, data }: SafetensorsTensor): SafetensorsTensor => ({ dtype: "F64", shape, data: Float64Array.from(data as Float32Array) }), /embeddings are F64, not F32/],
    ["with fewer rows", ({ dtype, data }: SafetensorsTensor): SafetensorsTensor => ({ dtype, shape: [COUNT - 1, 8], data: (data as Float32Array).slice(8) as never }) as SafetensorsTensor, /\[9, 8\], not \[10, 8\]/],
    ["with NaN", changed((data) => data.fill(Number.NaN, 17, 18)), /row 2 holds NaN or infinity/],
    ["with a row that is not of length 1", changed((data) => data.fill(0.5, 24, 25)), /row 3 has length 1\.118, not 1/],
    ["with another number", changed((data) => data.copyWithin(0, 8, 16)), /damaged/],
  ])("refuses a file %s", (_, change, says) => {
    expect(() => read(diskWith(change))).toThrow(EmbeddingsError);
    expect(() => read(diskWith(change))).toThrow(says);
  }); // biome-ignore format: a case a line

  it("refuses a file that was cut short, at every length", () => {
    const bytes = diskWith().read(FILE);
    for (let length = 0; length < bytes.length; length++) {
      const fs = diskWith();
      replace(fs, bytes.subarray(0, length));
      expect(() => read(fs), `${length} bytes`).toThrow(FormatError);
    }
  });

  it("refuses other safetensors files, and a missing file", () => {
    const fs = diskWith();
    replace(fs, writeSafetensors(new Map([["embeddings", { dtype: "F32", shape: [COUNT, 8], data: rows.slice() }]])));
    expect(() => read(fs)).toThrow(/not a file of siglip embed/);
    expect(() => read(new SimulatedFs(["/data"]))).toThrow(/there is no such file/);
  });
});

describe("a computation in parts", () => {
  const PART = 3;
  /** Computes what is missing. */
  const compute = (fs: SimulatedFs): number => {
    const missing = missingParts(FILE, fingerprint, PART, fs);
    for (const block of missing) {
      const part = rows.slice(block.first * 8, (block.first + block.count) * 8);
      writeEmbeddings(partFile(FILE, block), part, fingerprint, block, fs);
    }
    joinParts(FILE, fingerprint, PART, fs);
    return missing.length;
  };
  let operations = 0;
  beforeAll(() => {
    const fs = new SimulatedFs(["/data"], 1e6);
    expect(compute(fs)).toBe(4);
    operations = fs.operations;
  });

  it("that is killed at any operation leaves no half-written file, and continues to the same file", () => {
    for (let at = 0; at < operations; at++) {
      const fs = new SimulatedFs(["/data"], 1e6);
      fs.faultAt = (operation) => (operation === at ? "kill" : undefined);
      expect(() => compute(fs)).toThrow(Killed);
      const left = fs.afterKill();
      if (left.list("/data").includes("images.safetensors")) {
        expect(read(left)).toEqual(rows);
        removeParts(FILE, left);
      } else compute(left);
      expect(read(left)).toEqual(rows);
      expect(left.list("/data")).toEqual(["images.safetensors"]);
    }
  });

  it("computes only what is missing, and parts of another tower again", () => {
    const fs = new SimulatedFs(["/data"], 1e6);
    const [first, ...others] = missingParts(FILE, fingerprint, PART, fs);
    writeEmbeddings(partFile(FILE, first), rows.slice(0, 8 * PART), fingerprint, first, fs);
    expect(missingParts(FILE, fingerprint, PART, fs)).toEqual(others);
    expect(missingParts(FILE, { ...fingerprint, tower: "another" }, PART, fs)).toEqual([first, ...others]);
  });
});

it("the fingerprint of a tower depends on every weight of it, and on no other", () => {
  const { tower } = fingerprint;
  for (const [path, { value }] of parametersOf(model)) {
    const before = value.data[0];
    value.data[0] = before + 1;
    const changed = fingerprintOf(config, stored, imagesOf(inOrder)).tower !== tower;
    expect(changed, path).toBe(path.startsWith("image/"));
    value.data[0] = before;
  }
});
